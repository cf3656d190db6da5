"""Files of a context, brought by calls to the library, published and used."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pcm.engines.taskvine.kit import kit
from tests.workers.host import user_code
from tests.workers.host.driver import define, load, run
from tests.workers.library.test_program import VineWorker
from tests.workers.staging.files import MODIFIED_NS, NOWHERE, digest, tree
from workers import carriage
from workers.protocol import (
    BatchEnd,
    FileState,
    Goodbye,
    ItemResults,
    Leave,
    Order,
    ReplicaFault,
    ReplicaState,
    Report,
)

A, B = b"the weights" * 1000, b"the configuration"
MODEL = {"weights": A, "config.json": B}


class Manager:
    """Makes calls, and hears what is reported, in its order."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.vine_worker = VineWorker(folder, kit(), **environment)
        self.vine_worker.read()
        self.reports: list[Report] = []
        self._calls: dict[str, Path] = {}
        self._early: dict[int, list[Report]] = {}
        self._answers, self._frames, self._number = 0, 0, 100
        self.sandbox = folder
        self._events = self.call(carriage.EVENTS)

    def orders(self, *orders: Order) -> None:
        frame = carriage.call_frame(carriage.Call(self._frames, list(orders), True))
        self._frames += 1
        self.call(carriage.command(frame))

    def call(self, command: str, **files: bytes) -> Path:
        self._number += 1
        output = self.vine_worker.call(command, **files)
        self._calls[f"{self._number} 0"] = output
        return output

    def stage(self, kind: str, content: bytes, offset: int = 0, **files: bytes) -> FileState:
        """What came of a call about a file, which its answer or one before it says."""
        heard = len(self.reports)
        output = self.call(f"{kind}:{digest(content)}:{offset}", **files)
        self.sandbox = output.parent
        while output in self._calls.values():
            self.hear()
        (state,) = [
            report
            for report in self.reports[heard:]
            if isinstance(report, FileState) and report.digest == digest(content)
        ]
        return state

    def wait(self, condition: Callable[[Report], Any]) -> Any:
        while not (found := [report for report in self.reports if condition(report)]):
            self.hear()
        return found[0]

    def hear(self) -> None:
        """One answer."""
        output = self._calls.pop(self.vine_worker.read())
        number, reports = carriage.open_answer(output.read_bytes())
        self._early[number] = reports
        while self._answers in self._early:
            self.reports += self._early.pop(self._answers)
            self._answers += 1
        if output == self._events:
            self._events = self.call(carriage.EVENTS)


@pytest.fixture(autouse=True)
def deaf() -> Iterator[None]:
    """To the signals by which a library wakes its worker."""
    previous = signal.signal(signal.SIGCHLD, lambda *_: None)
    yield
    signal.signal(signal.SIGCHLD, previous)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(tmp_path, PCM_CACHE=str(tmp_path / "cache"))
    yield manager
    manager.vine_worker.close()


def reading(model: str) -> list[str]:
    return [f"{path.name}: {path.stat().st_size}" for path in sorted(Path(model).iterdir())]


ORDER = msgspec.structs.replace(load(reading, NOWHERE), trees=(tree(MODEL),))


def states(manager: Manager) -> list[FileState]:
    return [report for report in manager.reports if isinstance(report, FileState)]


def test_files_are_brought_in_pieces_and_the_context_runs(manager: Manager) -> None:
    manager.orders(ORDER, define(user_code.the_context))
    manager.wait(lambda report: report == FileState(digest(B), "wanted"))
    assert states(manager) == [FileState(digest(A), "wanted"), FileState(digest(B), "wanted")]
    assert manager.stage("piece", A, 0, staged=A[:100]) == FileState(digest(A), "wanted", 100)
    assert manager.stage("piece", A, 100, staged=A[100:]).status == "whole"
    assert manager.stage("fetch", B, staged=B).status == "whole"
    manager.wait(lambda report: isinstance(report, ReplicaState) and report.status == "warm")
    manager.orders(run(1, [0]))
    manager.wait(lambda report: isinstance(report, BatchEnd))
    (results,) = [report for report in manager.reports if isinstance(report, ItemResults)]
    value = msgspec.msgpack.decode(results.results[0].value or b"")
    assert value == [f"config.json: {len(B)}", f"weights: {len(A)}"]
    assert manager.stage("publish", A).status == "published"
    assert (manager.sandbox / carriage.STAGED_FILE).read_bytes() == A


def test_a_damaged_file_is_brought_again(manager: Manager) -> None:
    manager.orders(ORDER)
    manager.wait(lambda report: report == FileState(digest(B), "wanted"))
    assert manager.stage("fetch", A, staged=A[1:]).status == "damaged"
    assert manager.stage("fetch", A, staged=A).status == "whole"


def test_calls_that_nobody_needs_are_answered(manager: Manager) -> None:
    assert manager.stage("piece", A, staged=A).status == "damaged"
    assert manager.stage("fetch", A, staged=A).status == "damaged"
    assert manager.stage("publish", A).status == "damaged"
    assert (manager.sandbox / carriage.STAGED_FILE).read_bytes() == b""


def test_a_full_disk_is_told_to_the_manager(manager: Manager, tmp_path: Path) -> None:
    huge = msgspec.structs.replace(tree(MODEL).files[0], size_bytes=1 << 60)
    trees = (msgspec.structs.replace(tree(MODEL), files=(huge,)),)
    manager.orders(msgspec.structs.replace(ORDER, trees=trees))
    fault = manager.wait(lambda report: isinstance(report, ReplicaFault))
    assert fault.kind == "loader_error"
    assert f"the disk of the cache {tmp_path / 'cache'} is full" in fault.error.message


def test_it_leaves_while_it_waits_for_files(manager: Manager) -> None:
    manager.orders(ORDER)
    manager.wait(lambda report: report == FileState(digest(B), "wanted"))
    manager.orders(Leave())
    manager.wait(lambda report: report == Goodbye("retired"))
    assert manager.vine_worker.library.wait(20) == 0


@pytest.mark.parametrize("never", ["", "1"])
def test_whether_the_managers_path_is_used(tmp_path: Path, never: str) -> None:
    for name, content in MODEL.items():
        (tmp_path / "model").mkdir(exist_ok=True)
        (tmp_path / "model" / name).write_bytes(content)
        os.utime(tmp_path / "model" / name, ns=(MODIFIED_NS, MODIFIED_NS))
    manager = Manager(tmp_path, PCM_CACHE=str(tmp_path / "cache"), PCM_NEVER_SHARED=never)
    try:
        trees = (tree(MODEL, path=str(tmp_path / "model")),)
        manager.orders(msgspec.structs.replace(ORDER, trees=trees))
        if never:
            manager.wait(lambda report: report == FileState(digest(B), "wanted"))
        else:
            manager.wait(lambda r: isinstance(r, ReplicaState) and r.status == "loading")
            assert states(manager) == []
    finally:
        manager.vine_worker.close()
