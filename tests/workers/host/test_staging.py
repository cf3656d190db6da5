"""Contexts whose files are not there yet, in a real worker."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.workers.host import user_code
from tests.workers.host.by_value import pickled
from tests.workers.host.driver import Worker, define, load, load_missing, run
from tests.workers.staging.files import (
    CONTENT,
    MISSING,
    MODIFIED_NS,
    NOWHERE,
    WANTED,
    WHOLE,
    can_be_removed,
    digest,
    fill,
    tree,
)
from tests.workers.staging.neighbour import Neighbour
from workers.protocol import (
    BatchEnd,
    CancelBatch,
    DropContext,
    FileState,
    Goodbye,
    Leave,
    LoadContext,
    Notice,
    ReplicaFault,
    ReplicaState,
)


def read(path: str | Path) -> list[str]:
    """The kind of the path, and what is there."""
    place = Path(path)
    files = [place] if place.is_file() else sorted(place.iterdir())
    return [type(path).__name__, *(f"{file.name}: {file.read_text()}" for file in files)]


# -- files that are there ------------------------------------------------------------------------


def test_the_same_path_is_used_as_it_is(worker: Worker, tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(CONTENT)
    os.utime(file, ns=(MODIFIED_NS, MODIFIED_NS))
    one = tree({"weights": CONTENT}, path=str(file), is_file=True)
    worker.send(load(user_code.constant, str(file), trees=[one]))
    worker.send(define(user_code.the_context), run(1, [0]))
    states = [worker.wait(ReplicaState) for _ in range(3)]
    assert [state.status for state in states] == ["staging", "loading", "warm"]
    assert states[0].seconds == 0.0
    worker.wait(BatchEnd, outcome="done")
    assert worker.results(1) == {0: str(file)}
    assert not any(isinstance(report, FileState) for report in worker.reports)


def test_the_loader_is_given_the_places_of_its_files(worker: Worker, cache: Path) -> None:
    def loader(model: str, file: Path, *, other: str) -> list[Any]:
        return [read(model), read(file), read(f"{other}/x")]

    fill(cache, CONTENT)
    arguments = ((NOWHERE, Path(NOWHERE)), {"other": NOWHERE})
    trees = (MISSING, tree({"x/w": CONTENT}, "other"), tree({"f": CONTENT}, 1, is_file=True))
    worker.send(LoadContext("c", "loader", pickled(loader, *arguments, None), trees=trees))
    worker.send(define(user_code.the_context), run(1, [0]))
    assert worker.wait(FileState) == WHOLE
    worker.wait(BatchEnd, outcome="done")
    assert worker.results(1)[0] == [
        ["str", "weights: the weights"],
        ["PosixPath", "f: the weights"],
        ["str", "w: the weights"],
    ]


def test_a_tree_for_an_argument_that_was_not_given_fails_the_loader(
    worker: Worker, cache: Path
) -> None:
    fill(cache, CONTENT)
    worker.send(load(user_code.constant, trees=[tree({"w": CONTENT}, "model")]))
    fault = worker.wait(ReplicaFault)
    assert fault.kind == "loader_error"
    assert str(fault.error) == "LookupError: the loader was given no argument 'model'"


def test_files_stay_locked_until_their_replica_is_gone(worker: Worker, cache: Path) -> None:
    fill(cache, CONTENT)
    worker.send(load_missing())
    worker.wait(ReplicaState, status="warm")
    assert not can_be_removed(cache)
    worker.send(DropContext("c"))
    worker.wait(ReplicaState, status="absent")
    worker.send(load(user_code.constant, context="d", trees=[tree({}, 0)]))
    worker.wait(ReplicaFault)  # The thread has done what came before.
    assert can_be_removed(cache)


# -- waiting -------------------------------------------------------------------------------------


def test_batches_wait_for_the_files_with_the_context(worker: Worker) -> None:
    worker.send(load_missing(), define(user_code.echo), run(1, [1]), run(2, [2]))
    assert worker.wait(FileState) == WANTED
    worker.send(load_missing())  # It was ordered before.
    worker.send(CancelBatch(1, "deadline"))
    end = worker.wait(BatchEnd, batch=1)
    assert (end.outcome, end.started) == ("deadline", False)
    worker.send(DropContext("c"))
    assert worker.wait(BatchEnd, batch=2).outcome == "cancelled"
    worker.wait(ReplicaState, context="c", status="absent")
    states = [report for report in worker.reports if isinstance(report, ReplicaState)]
    assert [state.status for state in states] == ["staging", "absent"]
    worker.send(run(3, [3]))
    assert worker.wait(BatchEnd, batch=3).outcome == "refused"
    worker.send(load_missing())
    worker.wait(ReplicaState, status="staging")
    assert worker.wait(FileState) == WANTED


def test_other_contexts_do_not_wait(worker: Worker) -> None:
    worker.send(load_missing("c"), load(user_code.constant, 5, context="d"))
    worker.send(define(user_code.the_context), run(1, [0], "d"))
    worker.wait(BatchEnd, outcome="done")
    assert worker.results(1) == {0: 5}


def test_a_context_that_ends_does_not_begin_one_whose_files_are_missing(worker: Worker) -> None:
    worker.send(load_missing("c"), load(user_code.constant, context="d"))
    worker.wait(ReplicaState, context="d", status="warm")
    worker.send(DropContext("d"))
    worker.wait(ReplicaState, context="d", status="absent")
    worker.send(DropContext("c"))
    worker.wait(ReplicaState, context="c", status="absent")
    states = [r.status for r in worker.reports if isinstance(r, ReplicaState) and r.context == "c"]
    assert states == ["staging", "absent"]


def test_the_loaders_time_begins_when_the_files_are_there(
    worker: Worker, cache: Path, tmp_path: Path
) -> None:
    """What comes of a neighbour takes longer than the loader may."""
    brought = tmp_path / "brought"
    brought.write_bytes(CONTENT)
    with Neighbour(cache, MISSING.files[0]) as neighbour:
        neighbour.tell("take")
        worker.send(load(user_code.constant, NOWHERE, timeout_seconds=2.0, trees=[MISSING]))
        worker.send(load(user_code.hanging, context="d", timeout_seconds=2.1))
        assert worker.wait(ReplicaFault, context="d").kind == "load_timeout"
        assert neighbour.tell(f"append 0 {brought}") == "whole"
        worker.wait(ReplicaState, context="c", status="warm")


def test_a_context_whose_files_came_waits_for_the_memory_of_one_that_ends(
    worker: Worker, cache: Path
) -> None:
    fill(cache, CONTENT)
    worker.send(load(user_code.constant, context="old"))
    old = worker.wait(ReplicaState, status="warm").pid
    worker.send(DropContext("old"), load_missing())
    absent = worker.wait(ReplicaState, status="absent")
    assert absent.context == "old"
    loading = worker.wait(ReplicaState, context="c", status="loading")
    assert not psutil.pid_exists(old)
    assert worker.reports.index(absent) < worker.reports.index(loading)


def test_a_context_that_fails_before_its_files_are_there_takes_its_batches_along(
    worker: Worker, cache: Path
) -> None:
    cache.mkdir()
    cache.chmod(0o777)
    worker.send(define(user_code.echo), load_missing(), run(1, [1]))
    fault = worker.wait(ReplicaFault)
    assert (fault.context, fault.kind, fault.error.type) == ("c", "loader_error", "StagingError")
    assert "can be written by other users" in fault.error.message
    end = worker.wait(BatchEnd)
    assert (end.outcome, end.started) == ("replica_died", False)
    assert end.detail == "its context could not be loaded"
    cache.chmod(0o700)
    worker.send(load_missing())
    assert worker.wait(FileState) == WANTED


# -- leaving -------------------------------------------------------------------------------------


def test_it_leaves_without_the_files(worker: Worker) -> None:
    worker.send(load_missing(), define(user_code.echo), run(1, [1]))
    worker.wait(FileState)
    worker.send(Leave(5.0))
    assert worker.wait(BatchEnd).outcome == "evicted"
    assert worker.wait(Goodbye).cause == "retired"
    worker.wait_end()
    assert worker.process.returncode == 0


def test_it_is_evicted_without_the_files(worker: Worker) -> None:
    worker.send(load_missing(), define(user_code.echo), run(1, [1]))
    worker.wait(FileState)
    worker.process.send_signal(signal.SIGTERM)
    worker.wait(Notice)
    assert worker.wait(BatchEnd).outcome == "evicted"
    assert worker.wait(Goodbye).cause == "evicted"
    worker.wait_end()


@pytest.mark.kills
def test_work_in_the_thread_does_not_keep_it(worker: Worker, tmp_path: Path) -> None:
    """It reads from a pipe that nobody writes to, in place of a file on a disk that hangs."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "cache").mkdir(mode=0o700)
    worker.send(load_missing())
    worker.wait(FileState)
    (tmp_path / "cache" / "files" / digest(CONTENT)).unlink(missing_ok=True)
    os.mkfifo(tmp_path / "cache" / "files" / digest(b"other"))
    worker.send(load(user_code.constant, context="d", trees=[tree({"w": b"other"})]))
    worker.send(load(user_code.constant, context="e"))
    worker.wait(ReplicaState, context="e", status="warm")
    worker.send(Leave(5.0))
    assert worker.wait(Goodbye).cause == "retired"
    worker.wait_end()
    assert worker.process.returncode == 0
