"""Files that are brought ahead of the order to load their context, in a real worker."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.workers.host import user_code
from tests.workers.host.driver import DEADLINE_SECONDS, Worker, define, load, run
from tests.workers.host.test_staging import CONTENT, MISSING, WANTED, fill, with_trees
from tests.workers.staging.files import NOWHERE, digest, staged, tree
from tests.workers.staging.neighbour import Neighbour
from workers.protocol import (
    BatchEnd,
    DropContext,
    FileState,
    Goodbye,
    Leave,
    LoadContext,
    Notice,
    ReplicaFault,
    ReplicaState,
)
from workers.staging.errors import StagingError
from workers.staging.room import RESERVE_BYTES
from workers.staging.store import Store

WHOLE = FileState(digest(CONTENT), "whole")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PCM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def worker(tmp_path: Path, cache: Path) -> Iterator[Worker]:
    with Worker(tmp_path) as started:
        yield started


def to_load(context: str = "c") -> LoadContext:
    return with_trees(load(user_code.constant, NOWHERE, context=context), MISSING)


def ahead(order: LoadContext) -> LoadContext:
    return msgspec.structs.replace(order, tier="disk")


def states(worker: Worker, context: str = "c") -> list[str]:
    return [
        report.status
        for report in worker.reports
        if isinstance(report, ReplicaState) and report.context == context
    ]


def settle(worker: Worker) -> None:
    """Its thread has done what came before."""
    worker.send(ahead(with_trees(to_load("bad"), tree({}, 0))))
    worker.wait(ReplicaFault, context="bad")


def can_be_removed(cache: Path) -> bool:
    """Whether another worker that needs room may take that of the file."""
    neighbour = Store(str(cache), free=lambda _: RESERVE_BYTES)
    with pytest.raises(StagingError, match="is full"):
        neighbour.make_room(1)  # What goes makes none, as this neighbour sees it.
    neighbour.close()
    return not (cache / "files" / digest(CONTENT)).exists()


def test_files_come_while_another_context_computes(worker: Worker, cache: Path) -> None:
    fill(cache, CONTENT)
    worker.send(load(user_code.constant, 5, context="d"), define(user_code.the_context))
    worker.wait(ReplicaState, context="d", status="warm")
    worker.send(ahead(to_load()))
    state = worker.wait(ReplicaState, context="c")
    assert (state.status, state.seconds, state.pid) == ("staged", 0.0, 0)
    worker.send(run(1, [0], "d"), run(2, [0], "c"))
    assert worker.wait(BatchEnd, batch=1).outcome == "done"
    assert worker.ends()[2].outcome == "refused", "nothing was loaded"
    assert not can_be_removed(cache)


def test_a_context_whose_files_came_ahead_is_loaded_at_once(worker: Worker, cache: Path) -> None:
    fill(cache, CONTENT)
    worker.send(ahead(to_load()))
    worker.wait(ReplicaState, status="staged")
    worker.send(to_load(), define(user_code.the_context), run(1, [0]))
    worker.wait(BatchEnd, outcome="done")
    place = worker.results(1)[0]
    assert (Path(place) / "weights").read_bytes() == CONTENT
    assert states(worker) == ["staged", "loading", "warm"]
    assert not can_be_removed(cache)
    worker.send(DropContext("c"))
    worker.wait(ReplicaState, status="absent")
    settle(worker)
    assert can_be_removed(cache)


def test_files_that_are_on_their_way_when_their_context_is_loaded(
    worker: Worker, cache: Path, tmp_path: Path
) -> None:
    brought = tmp_path / "brought"
    brought.write_bytes(CONTENT)
    with Neighbour(cache, MISSING.files[0]) as neighbour:
        neighbour.tell("take")
        worker.send(ahead(to_load()), define(user_code.echo))
        worker.send(to_load(), run(1, [7]))
        worker.wait(ReplicaState, status="staging")
        assert neighbour.tell(f"append 0 {brought}") == "whole"
        assert worker.wait(BatchEnd).outcome == "done"
    assert states(worker) == ["staging", "loading", "warm"]


def test_other_files_than_those_that_came_are_waited_for(worker: Worker, cache: Path) -> None:
    """The user has changed them since."""
    fill(cache, CONTENT)
    worker.send(ahead(to_load()))
    worker.wait(ReplicaState, status="staged")
    worker.send(with_trees(to_load(), tree({"weights": b"others"})))
    worker.wait(ReplicaState, status="staging")
    assert worker.wait(FileState).digest == staged(b"others").digest


def test_one_that_is_there_or_on_its_way_is_not_brought_twice(worker: Worker, cache: Path) -> None:
    worker.send(ahead(to_load()), ahead(to_load()))
    assert worker.wait(FileState) == WANTED
    worker.send(to_load("e"))
    worker.send(ahead(to_load("e")))
    worker.wait(ReplicaState, context="e", status="staging")
    worker.send(load(user_code.constant, context="d"))
    worker.wait(ReplicaState, context="d", status="warm")
    worker.send(ahead(load(user_code.constant, context="d")))
    worker.wait(ReplicaState, context="d", status="warm")
    assert (states(worker), states(worker, "e")) == ([], ["staging"])
    assert states(worker, "d") == ["loading", "warm", "warm"]
    fill(cache, b"other")
    other = with_trees(to_load("f"), tree({"weights": b"other"}))
    for _ in range(2):
        worker.send(ahead(other))
        worker.wait(ReplicaState, context="f", status="staged")


def test_without_files_all_is_there(worker: Worker) -> None:
    worker.send(ahead(load(user_code.constant, 5)))
    worker.wait(ReplicaState, status="staged")
    worker.send(DropContext("c"))
    worker.wait(ReplicaState, status="absent")
    worker.send(ahead(load(user_code.constant, 5)), load(user_code.constant, 5))
    worker.wait(ReplicaState, status="warm")
    assert states(worker) == ["staged", "absent", "staged", "loading", "warm"]


def test_what_is_not_needed_any_more_is_let_go(worker: Worker, cache: Path) -> None:
    fill(cache, CONTENT)
    worker.send(ahead(to_load()))
    worker.wait(ReplicaState, status="staged")
    worker.send(DropContext("c"), DropContext("c"))
    worker.wait(ReplicaState, status="absent")
    settle(worker)
    assert states(worker) == ["staged", "absent"]
    assert can_be_removed(cache)


def test_files_stay_when_the_replica_that_had_them_ends_later(worker: Worker, cache: Path) -> None:
    fill(cache, CONTENT)
    worker.send(to_load())
    worker.wait(ReplicaState, status="warm")
    worker.send(DropContext("c"), ahead(to_load()))
    worker.wait(ReplicaState, status="absent")
    settle(worker)
    assert "staged" in states(worker)
    assert not can_be_removed(cache)


def test_files_that_cannot_be_there(worker: Worker, cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o777)
    worker.send(ahead(to_load()))
    fault = worker.wait(ReplicaFault)
    assert (fault.context, fault.kind, fault.error.type) == ("c", "loader_error", "StagingError")
    cache.chmod(0o700)
    worker.send(DropContext("c"), ahead(to_load()))
    assert worker.wait(FileState) == WANTED
    assert states(worker) == []


def test_it_leaves_with_files_ahead(worker: Worker, cache: Path) -> None:
    fill(cache, CONTENT)
    worker.send(ahead(to_load()))
    worker.wait(ReplicaState, status="staged")
    worker.send(Leave(5.0), ahead(to_load("d")))
    assert worker.wait(Goodbye).cause == "retired"
    worker.wait_end()
    assert can_be_removed(cache)


def test_while_it_finishes_what_is_running_the_files_may_go(worker: Worker, cache: Path) -> None:
    fill(cache, CONTENT)
    worker.send(ahead(to_load()), define(user_code.slow))
    worker.wait(ReplicaState, status="staged")
    worker.send(load(user_code.constant, context="d"), run(1, [60.0], "d"))
    worker.wait(ReplicaState, context="d", status="warm")
    worker.send(Leave(60.0))
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not can_be_removed(cache):
        assert time.monotonic() < deadline
    assert not worker.ends()


def test_it_is_evicted_with_files_on_their_way(worker: Worker) -> None:
    worker.send(ahead(to_load()))
    worker.wait(FileState)
    worker.process.send_signal(signal.SIGTERM)
    worker.wait(Notice)
    assert worker.wait(Goodbye).cause == "evicted"
    worker.wait_end()
    assert worker.process.returncode == 0
