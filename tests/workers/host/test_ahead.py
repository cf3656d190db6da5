"""Files that are brought ahead of the order to load their context, in a real worker."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import msgspec

from tests.workers.host import user_code
from tests.workers.host.driver import (
    DEADLINE_SECONDS,
    Worker,
    define,
    load,
    load_missing,
    run,
)
from tests.workers.staging.files import (
    CONTENT,
    MISSING,
    WANTED,
    can_be_removed,
    fill,
    staged,
    tree,
)
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
    worker.send(ahead(load_missing("bad", tree({}, 0))))
    worker.wait(ReplicaFault, context="bad")


def test_files_come_while_another_context_computes(worker: Worker, cache: Path) -> None:
    fill(cache, CONTENT)
    worker.send(load(user_code.constant, 5, context="d"), define(user_code.the_context))
    worker.wait(ReplicaState, context="d", status="warm")
    worker.send(ahead(load_missing()))
    state = worker.wait(ReplicaState, context="c")
    assert (state.status, state.seconds, state.pid) == ("staged", 0.0, 0)
    worker.send(run(1, [0], "d"), run(2, [0], "c"))
    assert worker.wait(BatchEnd, batch=1).outcome == "done"
    assert worker.ends()[2].outcome == "refused", "nothing was loaded"
    assert not can_be_removed(cache)


def test_a_context_whose_files_came_ahead_is_loaded_at_once(worker: Worker, cache: Path) -> None:
    fill(cache, CONTENT)
    worker.send(ahead(load_missing()))
    worker.wait(ReplicaState, status="staged")
    worker.send(load_missing(), define(user_code.the_context), run(1, [0]))
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
        worker.send(ahead(load_missing()), define(user_code.echo))
        worker.send(load_missing(), run(1, [7]))
        worker.wait(ReplicaState, status="staging")
        assert neighbour.tell(f"append 0 {brought}") == "whole"
        assert worker.wait(BatchEnd).outcome == "done"
    assert states(worker) == ["staging", "loading", "warm"]


def test_other_files_than_those_that_came_are_waited_for(worker: Worker, cache: Path) -> None:
    """The user has changed them since."""
    fill(cache, CONTENT)
    worker.send(ahead(load_missing()))
    worker.wait(ReplicaState, status="staged")
    worker.send(load_missing("c", tree({"weights": b"others"})))
    worker.wait(ReplicaState, status="staging")
    assert worker.wait(FileState).digest == staged(b"others").digest


def test_one_that_is_there_or_on_its_way_is_not_brought_twice(worker: Worker, cache: Path) -> None:
    worker.send(ahead(load_missing()), ahead(load_missing()))
    assert worker.wait(FileState) == WANTED
    worker.send(load_missing("e"))
    worker.send(ahead(load_missing("e")))
    worker.wait(ReplicaState, context="e", status="staging")
    worker.send(load(user_code.constant, context="d"))
    worker.wait(ReplicaState, context="d", status="warm")
    worker.send(ahead(load(user_code.constant, context="d")))
    worker.wait(ReplicaState, context="d", status="warm")
    assert (states(worker), states(worker, "e")) == ([], ["staging"])
    assert states(worker, "d") == ["loading", "warm", "warm"]
    fill(cache, b"other")
    other = load_missing("f", tree({"weights": b"other"}))
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
    worker.send(ahead(load_missing()))
    worker.wait(ReplicaState, status="staged")
    worker.send(DropContext("c"), DropContext("c"))
    worker.wait(ReplicaState, status="absent")
    settle(worker)
    assert states(worker) == ["staged", "absent"]
    assert can_be_removed(cache)


def test_files_stay_when_the_replica_that_had_them_ends_later(worker: Worker, cache: Path) -> None:
    fill(cache, CONTENT)
    worker.send(load_missing())
    worker.wait(ReplicaState, status="warm")
    worker.send(DropContext("c"), ahead(load_missing()))
    worker.wait(ReplicaState, status="absent")
    settle(worker)
    assert "staged" in states(worker)
    assert not can_be_removed(cache)


def test_files_that_cannot_be_there(worker: Worker, cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o777)
    worker.send(ahead(load_missing()))
    fault = worker.wait(ReplicaFault)
    assert (fault.context, fault.kind, fault.error.type) == ("c", "loader_error", "StagingError")
    cache.chmod(0o700)
    worker.send(DropContext("c"), ahead(load_missing()))
    assert worker.wait(FileState) == WANTED
    assert states(worker) == []


def test_it_leaves_with_files_ahead(worker: Worker, cache: Path) -> None:
    fill(cache, CONTENT)
    worker.send(ahead(load_missing()))
    worker.wait(ReplicaState, status="staged")
    worker.send(Leave(5.0), ahead(load_missing("d")))
    assert worker.wait(Goodbye).cause == "retired"
    worker.wait_end()
    assert can_be_removed(cache)


def test_while_it_finishes_what_is_running_the_files_may_go(worker: Worker, cache: Path) -> None:
    fill(cache, CONTENT)
    worker.send(ahead(load_missing()), define(user_code.slow))
    worker.wait(ReplicaState, status="staged")
    worker.send(load(user_code.constant, context="d"), run(1, [60.0], "d"))
    worker.wait(ReplicaState, context="d", status="warm")
    worker.send(Leave(60.0))
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not can_be_removed(cache):
        assert time.monotonic() < deadline
    assert not worker.ends()


def test_it_is_evicted_with_files_on_their_way(worker: Worker) -> None:
    worker.send(ahead(load_missing()))
    worker.wait(FileState)
    worker.process.send_signal(signal.SIGTERM)
    worker.wait(Notice)
    assert worker.wait(Goodbye).cause == "evicted"
    worker.wait_end()
    assert worker.process.returncode == 0
