"""Files of models on workers that see nothing of the manager's: who is sent what, and from whom."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

import pcm
from pcm.chronicle import Chronicle
from pcm.core.commands import Evict, Load
from pcm.core.events import ReplicaChanged, ReplicaFailed, WorkerJoined, WorkerLeft
from pcm.dashboard.answers import contexts
from pcm.engines.base import Cargo, ContextCargo, Delivery, TaskCargo
from pcm.engines.staging import planning
from pcm.engines.taskvine import TaskVineEngine
from pcm.journal import JournalReader
from pcm.manager.cargo import RunCargo
from pcm.packing import encode_item
from tests.cluster import vine_processes
from tests.cluster.engine_driving import DEADLINE_SECONDS, Drive, driving
from tests.cluster.needs import needs_taskvine
from tests.cluster.outside import launch
from tests.manager.processes import tree

pytestmark = [pytest.mark.cluster, needs_taskvine]

SIZES = {"config.json": 100, "sub/tokenizer.json": 0, "one.bin": 3 << 20, "two.bin": 20 << 20}
"""Files of the model; the last takes several pieces, and the empty one need not be sent."""
SENT = sum(size > 0 for size in SIZES.values())
TOTAL = sum(SIZES.values())
RESTING_CHILDREN = 2
"""Of a vine_worker that fetches nothing: its transfer server and our host."""
CONTEXT = "salt"
"""The name that ``Drive`` has for the only one."""


@pcm.context
def read_model(model: str) -> dict[str, str]:
    """What is there when the model is loaded: a hash for each file."""
    return {
        str(path.relative_to(model)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(model).rglob("*"))
        if path.is_file()
    }


@pcm.task
def tell(model: dict[str, str], items: Sequence[Any]) -> list[Any]:
    return [model for _ in items]


@pcm.task
def tell_later(model: dict[str, str], items: Sequence[str]) -> list[Any]:
    """What ``tell`` does, once the file that the items name is there."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not all(Path(item).exists() for item in items):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return [model for _ in items]


class ModelCargo(Cargo):
    """One context, which reads the model's directory, and one task, which tells what it read."""

    def __init__(self, model: Path) -> None:
        self._cargo = RunCargo.of(tell, read_model(model=str(model)))

    def context(self, context: str) -> ContextCargo:
        return self._cargo.context

    def task(self, run: str) -> TaskCargo:
        return self._cargo.task

    def items(self, run: str, ranges: object) -> list[bytes]:
        return [encode_item(1)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    for name, size in SIZES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
    return folder


class Field:
    """An engine with workers that share nothing with the manager, nor, by default, a file cache."""

    def __init__(self, drive: Drive, password: Path, tmp_path: Path) -> None:
        self.drive, self._password, self._tmp_path = drive, password, tmp_path
        self.launchers: dict[str, subprocess.Popen[str]] = {}

    def join(self, cache: str, *options: str, code: str = "") -> str:
        """A worker with this file cache; its name."""
        launcher = launch(
            self.drive.engine.port,
            self._password,
            *("--never-shared", "--cache", str(self.cache(cache))),
            *("--once", "--id", f"{cache}{len(self.launchers)}", *options),
            code=code,
        )
        name = self.drive.until(WorkerJoined).worker
        self.launchers[name] = launcher
        return name

    def cache(self, name: str) -> Path:
        return self._tmp_path / f"cache-{name}"

    def load(self, *workers: str) -> None:
        for worker in workers:
            self.drive.engine.order(Load(worker, CONTEXT, 0))

    def warm(self, *workers: str) -> None:
        for worker in workers:
            self._await_warm(worker)

    def _await_warm(self, worker: str) -> None:
        self.drive.all(ReplicaChanged, lambda e: e.worker == worker and e.status == "warm", count=1)

    def read(self, worker: str) -> dict[str, str]:
        """What the worker's replica read when it was loaded."""
        batch = self.drive.dispatch(worker)
        (delivery,) = self.drive.all(Delivery, lambda d: d.batch == batch, 1)
        value = delivery.results[0].value
        assert value is not None
        found: dict[str, str] = msgspec.msgpack.decode(value)
        return found

    def end(self) -> None:
        for launcher in self.launchers.values():
            launcher.send_signal(signal.SIGQUIT)
        for launcher in self.launchers.values():
            launcher.communicate(timeout=DEADLINE_SECONDS)


@pytest.fixture
def field(tmp_path: Path, model: Path, password: Path) -> Iterator[Field]:
    with ExitStack() as stack:
        drive = stack.enter_context(driving(ModelCargo(model), workers=0, password_file=password))
        field = Field(drive, password, tmp_path)
        stack.callback(field.end)
        yield field


def content(model: Path) -> dict[str, str]:
    found: dict[str, str] = read_model(model=str(model)).load()
    return found


def test_a_model_reaches_all_workers_and_the_manager_sends_one_copy(
    field: Field, model: Path
) -> None:
    workers = [field.join(name) for name in "abc"]
    field.load(*workers)
    field.warm(*workers)
    for worker in workers:
        assert field.read(worker) == content(model)
    figures = field.drive.engine.staging_figures()
    assert figures.piece_bytes == TOTAL
    assert figures.fetches == 2 * SENT
    assert figures.fetched_bytes == 2 * TOTAL
    assert figures.failures == 0


def whole(cache: Path, model: Path, name: str) -> Path:
    """Where a file of the model lies in a worker's cache."""
    digest = hashlib.blake2b((model / name).read_bytes(), digest_size=16).hexdigest()
    return cache / "files" / digest


def test_another_worker_with_the_same_cache_is_sent_nothing(field: Field, model: Path) -> None:
    first = field.join("shared")
    field.load(first)
    field.warm(first)
    before = field.drive.engine.staging_figures()
    second = field.join("shared")
    field.load(second)
    field.warm(second)
    assert field.read(second) == content(model)
    assert field.drive.engine.staging_figures() == before


def truncate(path: Path) -> None:
    path.chmod(0o600)
    os.truncate(path, path.stat().st_size // 2)


def corrupt(path: Path) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(1000)
        file.write(b"something else")


@pytest.mark.parametrize("spoil", [truncate, corrupt])
def test_a_spoilt_file_in_a_cache_is_noticed_and_sent_again(
    field: Field, model: Path, spoil: Callable[[Path], None]
) -> None:
    first = field.join("cache")
    field.load(first)
    field.warm(first)
    field.drive.engine.order(Evict(first, CONTEXT, 0))
    field.drive.until(ReplicaChanged, lambda e: e.tier == "absent")
    field.launchers[first].send_signal(signal.SIGQUIT)
    field.drive.until(WorkerLeft)
    spoil(whole(field.cache("cache"), model, "one.bin"))
    second = field.join("cache")
    field.load(second)
    field.warm(second)
    assert field.read(second) == content(model)
    assert field.drive.engine.staging_figures().piece_bytes == TOTAL + SIZES["one.bin"]


def vine_worker(launcher: subprocess.Popen[str]) -> psutil.Process:
    (found,) = vine_processes.children(launcher.pid, "vine_worker")
    return found


def test_a_source_that_is_killed_in_the_midst_of_it_is_replaced(field: Field, model: Path) -> None:
    first = field.join("a")
    field.load(first)
    field.warm(first)
    # It takes connections of those that fetch, but sends them nothing.
    vine_processes.worker(psutil.Process(field.launchers[first].pid)).transfer_server.suspend()
    others = [field.join(name) for name in "bcd"]
    field.load(*others)
    fetching = [vine_worker(field.launchers[worker]) for worker in others]
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not any(len(process.children()) > RESTING_CHILDREN for process in fetching):
        assert time.monotonic() < deadline
        field.drive.happened += field.drive.engine.events(0.01)
    for pid in tree(field.launchers[first].pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    field.drive.until(WorkerLeft, lambda e: e.worker == first)
    field.warm(*others)
    for worker in others:
        assert field.read(worker) == content(model)
    figures = field.drive.engine.staging_figures()
    assert figures.piece_bytes == 2 * TOTAL
    assert figures.fetches == 2 * SENT
    assert not [e for e in field.drive.happened if isinstance(e, WorkerLeft) and e.worker != first]


def test_a_source_that_hangs_is_not_waited_for(
    field: Field, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "FETCH_SECONDS_MAX", 0.5)
    first = field.join("a")
    field.load(first)
    field.warm(first)
    server = vine_processes.worker(psutil.Process(field.launchers[first].pid)).transfer_server
    server.suspend()
    others = [field.join(name) for name in "bc"]
    field.load(*others)
    field.warm(*others)
    assert field.drive.engine.staging_figures().piece_bytes > TOTAL
    server.resume()
    for worker in (first, *others):
        assert field.read(worker) == content(model)
    assert not any(isinstance(happening, WorkerLeft) for happening in field.drive.happened)


def test_what_nobody_needs_any_more_is_kept_in_file_caches_alone(field: Field, model: Path) -> None:
    workers = [field.join(name) for name in "ab"]
    field.load(*workers)
    field.warm(*workers)
    kept = [whole(field.cache(name), model, "one.bin") for name in "ab"]
    assert [path.stat().st_nlink for path in kept] == [2, 2]  # TaskVine's is a link to it.
    for worker in workers:
        field.drive.engine.order(Evict(worker, CONTEXT, 0))
        field.drive.until(ReplicaChanged, lambda e: e.tier == "absent")
    deadline = time.monotonic() + DEADLINE_SECONDS
    while [path.stat().st_nlink for path in kept] != [1, 1]:
        assert time.monotonic() < deadline
        field.drive.engine.events(0.01)


def test_files_come_ahead_and_again_if_they_were_let_go_meanwhile(
    field: Field, model: Path
) -> None:
    worker = field.join("a")
    ahead, drive = Load(worker, CONTEXT, 0, "disk"), field.drive
    drive.engine.order(ahead)
    drive.until(ReplicaChanged)
    drive.engine.order(Evict(worker, CONTEXT, 0))
    drive.engine.order(ahead)
    drive.engine.order(Evict(worker, CONTEXT, 0))
    whole(field.cache("a"), model, "one.bin").unlink()
    drive.engine.order(ahead)
    drive.all(ReplicaChanged, lambda e: e.tier == "disk", count=2)
    field.load(worker)
    field.warm(worker)
    assert field.read(worker) == content(model)
    said = [(e.tier, e.status) for e in drive.happened if isinstance(e, ReplicaChanged)]
    gone = ("absent", "draining")
    assert said[:3] == [("disk", "warm"), gone, gone]
    assert said[3:] == [("disk", "warm"), ("gpu", "loading"), ("gpu", "warm")]
    assert drive.engine.staging_figures().piece_bytes == TOTAL + SIZES["one.bin"]


UNREACHABLE = """
from workers.launch import command
build = command.vine_worker
command.vine_worker = lambda program, *rest: [
    program, "--contact-hostport", "127.0.0.1:1", *build(program, *rest)[1:]
]
"""


def test_workers_that_cannot_reach_each_other_are_sent_pieces(field: Field, model: Path) -> None:
    workers = [field.join(name, code=UNREACHABLE) for name in "abc"]
    field.load(*workers)
    field.warm(*workers)
    for worker in workers:
        assert field.read(worker) == content(model)
    figures = field.drive.engine.staging_figures()
    assert figures.piece_bytes == 3 * TOTAL
    assert figures.fetches == 0
    assert figures.failures > 0
    assert not any(isinstance(happening, WorkerLeft) for happening in field.drive.happened)


def test_a_run_on_workers_that_see_no_file_of_ours(
    tmp_path: Path, model: Path, password: Path
) -> None:
    engine = TaskVineEngine(workers=0, password_file=password)
    with pcm.Manager(engine, workers=0) as manager:
        context = read_model(str(model))
        gate, folder = tmp_path / "gate", tmp_path / "run"
        run = manager.map(tell_later, [str(gate)] * 50, context=context, batch=2, directory=folder)
        launchers = [
            launch(engine.port, password, "--once", "--never-shared", "--cache", str(tmp_path / n))
            for n in ("one", "two")
        ]
        # What comes once a run has ended is not in its log: it ends when both have all.
        deadline = time.monotonic() + DEADLINE_SECONDS
        while engine.staging_figures().fetches < SENT:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        gate.touch()
        assert [row.value for row in run] == [content(model)] * 50
        figures = engine.staging_figures()
    for launcher in launchers:
        launcher.communicate(timeout=DEADLINE_SECONDS)
    assert figures.piece_bytes == TOTAL
    chronicle = Chronicle()
    with JournalReader(folder) as reader:
        for entry in reader.events():
            chronicle.take(entry)
    (row,) = contexts(chronicle, chronicle.last_at)
    assert (row.bytes_from_manager, row.bytes_from_workers) == (TOTAL, figures.fetched_bytes)


def test_a_file_that_has_changed_beside_the_manager_fails_the_context(
    field: Field, model: Path
) -> None:
    (model / "one.bin").write_bytes(b"new")
    worker = field.join("a")
    field.load(worker)
    failed = field.drive.until(ReplicaFailed)
    assert failed.worker == worker
    assert f"{model / 'one.bin'} has changed since the run began" in failed.error
    assert "start the run again" in failed.error
