"""A context leaves the accelerator and comes back while its process stays; and when it does not."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.workers.host import guests, user_code
from tests.workers.host.driver import Worker, define, load, run
from tests.workers.host.test_loading import gone
from workers.protocol import (
    BatchEnd,
    CancelBatch,
    DropContext,
    Goodbye,
    Leave,
    LoadContext,
    OffloadContext,
    Order,
    ReplicaFault,
    ReplicaState,
)

OFFLOAD = OffloadContext("c")
MOST = guests.BALLAST_BYTES * 3 // 4


def warm(worker: Worker, offload: str = "", back: str = "", **options: Any) -> int:
    """A guest that is warm; gives its pid."""
    worker.send(define(guests.ballast_and_process), load(guests.guest, offload, back, **options))
    pid: int = worker.wait(ReplicaState, context="c", status="warm").pid
    return pid


def parked(worker: Worker, back: str = "", **options: Any) -> int:
    pid = warm(worker, "", back, **options)
    worker.send(OFFLOAD)
    worker.wait(ReplicaState, status="parked")
    return pid


def log(worker: Worker) -> str:
    (path,) = worker.scratch.glob("w-*-c-*.log")
    return path.read_text()


def states(worker: Worker, context: str = "c") -> list[str]:
    return [
        report.status
        for report in worker.reports
        if isinstance(report, ReplicaState) and report.context == context
    ]


def faults(worker: Worker) -> list[ReplicaFault]:
    return [report for report in worker.reports if isinstance(report, ReplicaFault)]


def test_a_context_leaves_and_comes_back_in_the_same_process(worker: Worker) -> None:
    worker.send(define(guests.ballast_and_process), load(guests.guest))
    first = worker.wait(ReplicaState, status="warm")
    worker.send(OFFLOAD)
    away = worker.wait(ReplicaState, status="parked")
    worker.send(load(guests.guest), run(1, [0]))
    again = worker.wait(ReplicaState, status="warm")
    worker.wait(BatchEnd, batch=1, outcome="done")
    assert states(worker) == ["loading", "warm", "parked", "loading", "warm"]
    assert first.pid == away.pid == again.pid
    assert worker.results(1) == {0: [guests.BALLAST_BYTES, first.pid]}
    assert (first.parks, away.parks, again.parks) == (True, False, True)
    assert away.memory_bytes < first.memory_bytes - MOST
    assert again.memory_bytes > away.memory_bytes + MOST
    assert away.host_bytes == again.host_bytes == 0
    assert away.seconds > 0
    assert again.seconds > 0


def test_the_seconds_of_the_return_count_from_its_order(worker: Worker) -> None:
    """The time that it was warm and parked, longer than this batch elsewhere, is not in them."""
    worker.send(load(user_code.constant, context="slow"), define(user_code.slow, "slow"))
    parked(worker)
    worker.send(run(1, [0.5], "slow", "slow"))
    elsewhere = worker.wait(BatchEnd, batch=1)
    worker.send(load(guests.guest))
    assert worker.wait(ReplicaState, status="loading").seconds < elsewhere.run_seconds


def test_it_comes_and_goes_often_without_growing(worker: Worker) -> None:
    pid = parked(worker)
    kept = []
    for _ in range(20):
        worker.send(load(guests.guest), OFFLOAD)  # The second while it is still on its way: ignored
        worker.wait(ReplicaState, status="warm")
        worker.send(OFFLOAD)
        kept.append(worker.wait(ReplicaState, status="parked"))
    assert {state.pid for state in kept} == {pid}
    assert kept[-1].memory_bytes < kept[0].memory_bytes + (4 << 20)


def test_what_it_takes_of_an_accelerator_and_beside_it(worker: Worker) -> None:
    worker.send(load(guests.on_accelerator))
    assert worker.wait(ReplicaState, status="warm").memory_bytes == 5 << 30
    worker.send(OFFLOAD)
    away = worker.wait(ReplicaState, status="parked")
    assert away.memory_bytes == 2 << 20  # less what the emptied cache gave back
    assert MOST < away.host_bytes < 10 * guests.BALLAST_BYTES
    worker.send(load(guests.on_accelerator))
    assert worker.wait(ReplicaState, status="warm").memory_bytes == 4 << 30


@pytest.mark.parametrize("loader", [dict, guests.lazy])
def test_a_context_without_the_methods_is_ended(worker: Worker, loader: Any) -> None:
    worker.send(load(loader))
    state = worker.wait(ReplicaState, status="warm")
    assert not state.parks
    worker.send(OFFLOAD)
    worker.wait(ReplicaState, status="absent")
    assert gone(state.pid)
    assert "offload_to_host" in log(worker)
    assert faults(worker) == []


@pytest.mark.parametrize(
    ("way", "words"), [("raise", "ValueError: it does not want to"), ("kill", "")]
)
def test_an_offload_that_fails_frees_the_memory_all_the_same(
    worker: Worker, way: str, words: str
) -> None:
    pid = warm(worker, way)
    worker.send(OFFLOAD)
    worker.wait(ReplicaState, status="absent")
    assert gone(pid)
    assert words in log(worker)
    assert faults(worker) == []
    assert warm(worker) != pid


def test_an_offload_that_hangs_is_ended_with_its_stack_in_the_log(worker: Worker) -> None:
    pid = warm(worker, "hang", timeout_seconds=2.0)
    worker.send(OFFLOAD)
    worker.wait(ReplicaState, status="absent")
    assert gone(pid)
    assert "in offload_to_host" in log(worker)
    assert faults(worker) == []


def test_a_return_that_raises_is_a_death_with_its_own_words(worker: Worker) -> None:
    pid = parked(worker, "raise")
    worker.send(load(guests.guest), run(1, [0]))
    fault = worker.wait(ReplicaFault)
    assert (fault.kind, fault.error.type) == ("died", "ValueError")
    assert "in return_to_device" in fault.error.traceback
    assert worker.wait(BatchEnd).outcome == "replica_died"
    assert gone(pid)
    assert len(faults(worker)) == 1
    assert warm(worker) != pid


def test_a_return_that_hangs_takes_too_long(worker: Worker) -> None:
    pid = parked(worker, "hang")
    worker.send(load(guests.guest, timeout_seconds=0.3))
    fault = worker.wait(ReplicaFault)
    assert fault.kind == "load_timeout"
    assert "not ready after 0.3 s: return_to_device() took too long" in fault.error.message
    assert "in return_to_device" in fault.error.traceback
    assert gone(pid)


@pytest.mark.kills
@pytest.mark.parametrize("when", ["parked", "returning"])
def test_a_death_is_a_death(worker: Worker, when: str) -> None:
    pid = parked(worker, "hang")
    if when == "returning":
        worker.send(load(guests.guest))
        worker.wait(ReplicaState, status="loading")
    os.kill(pid, signal.SIGKILL)
    fault = worker.wait(ReplicaFault)
    assert (fault.kind, fault.error.type) == ("died", "ReplicaDied")
    assert "SIGKILL" in fault.error.message
    assert warm(worker) != pid


def at(worker: Worker, stage: str) -> int:
    """A guest that stays at this stage; gives its pid."""
    if stage == "parking":
        pid = warm(worker, "hang")
        worker.send(OFFLOAD)
        return pid
    pid = parked(worker, "hang")
    if stage == "returning":
        worker.send(load(guests.guest))
    return pid


@pytest.mark.parametrize("stage", ["parking", "parked", "returning"])
def test_it_is_dropped_at_any_stage(worker: Worker, stage: str) -> None:
    pid = at(worker, stage)
    worker.send(DropContext("c"))
    worker.wait(ReplicaState, status="absent")
    assert gone(pid)
    assert faults(worker) == []
    assert warm(worker) != pid


@pytest.mark.kills
@pytest.mark.parametrize("word", ["leave", "sigterm"])
@pytest.mark.parametrize("stage", ["parking", "parked", "returning"])
def test_the_worker_leaves_in_good_order_at_any_stage(
    worker: Worker, stage: str, word: str
) -> None:
    pid = at(worker, stage)
    if word == "leave":
        worker.send(Leave(60.0))
    else:
        worker.process.send_signal(signal.SIGTERM)
    assert worker.wait_end()[-1] == Goodbye("retired" if word == "leave" else "evicted")
    assert gone(pid)
    assert faults(worker) == []


@pytest.mark.parametrize("stage", ["parking", "parked"])
def test_batches_find_nothing_loaded(worker: Worker, stage: str) -> None:
    at(worker, stage)
    worker.send(run(1, [0]))
    end = worker.wait(BatchEnd)
    assert (end.outcome, end.started) == ("refused", False)
    assert "is not loaded here" in end.detail


def test_batches_wait_for_the_return(worker: Worker, tmp_path: Path) -> None:
    pid = parked(worker, str(tmp_path / "come"))
    worker.send(load(guests.guest), run(1, [0]), run(2, [0]), CancelBatch(1))
    end = worker.wait(BatchEnd)
    assert (end.batch, end.outcome) == (1, "cancelled")
    (tmp_path / "come").touch()
    assert worker.wait(BatchEnd).outcome == "done"
    assert worker.results(2) == {0: [guests.BALLAST_BYTES, pid]}


def test_one_that_has_batches_stays(worker: Worker) -> None:
    worker.send(load(guests.guest), define(user_code.obey))
    worker.wait(ReplicaState, status="warm")
    worker.send(run(1, [1, "wait"]))
    worker.wait_results(1, 1)
    worker.send(OFFLOAD)
    assert worker.wait(ReplicaState).status == "warm"


@pytest.mark.parametrize(
    "order", [OFFLOAD, LoadContext("c", "guest", b"", tier="disk")], ids=["offload", "disk"]
)
def test_one_that_is_parked_says_so_again(worker: Worker, order: Order) -> None:
    pid = parked(worker)
    worker.send(order)
    state = worker.wait(ReplicaState)
    assert (state.status, state.pid) == ("parked", pid)


def test_an_offload_of_what_is_not_here_is_ignored(worker: Worker) -> None:
    worker.send(OFFLOAD, load(guests.guest), OFFLOAD)
    worker.wait(ReplicaState, status="warm")
    assert states(worker) == ["loading", "warm"]


def test_a_load_waits_for_the_memory_of_one_that_leaves(worker: Worker, tmp_path: Path) -> None:
    go = tmp_path / "go"
    warm(worker, str(go))
    seen = load(go.exists, context="next")
    worker.send(OFFLOAD, seen, define(user_code.the_context, "tell"), run(1, [0], "next", "tell"))
    # An order behind it is carried out meanwhile, so the load was looked at.
    worker.send(run(2, [0], "nobody"))
    worker.wait(BatchEnd, batch=2, outcome="refused")
    assert states(worker, "next") == []
    go.touch()
    away = worker.wait(ReplicaState, status="parked")
    loading = worker.wait(ReplicaState, context="next", status="loading")
    worker.wait(BatchEnd, batch=1, outcome="done")
    assert worker.results(1) == {0: True}
    assert worker.reports.index(away) < worker.reports.index(loading)


def test_a_return_waits_for_the_memory_of_one_that_ends(worker: Worker) -> None:
    pid = parked(worker)
    worker.send(load(user_code.constant, context="old"))
    old = worker.wait(ReplicaState, status="warm").pid
    worker.send(DropContext("old"), load(guests.guest), run(1, [0]))
    absent = worker.wait(ReplicaState, status="absent")
    loading = worker.wait(ReplicaState, context="c", status="loading")
    assert not psutil.pid_exists(old)
    assert worker.reports.index(absent) < worker.reports.index(loading)
    worker.wait(BatchEnd, batch=1, outcome="done")
    assert worker.results(1) == {0: [guests.BALLAST_BYTES, pid]}


def test_two_contexts_change_places(worker: Worker) -> None:
    pids = {}
    for context in ("a", "b"):
        worker.send(load(guests.guest, context=context))
        pids[context] = worker.wait(ReplicaState, context=context, status="warm").pid
        worker.send(OffloadContext(context))
    worker.send(define(guests.ballast_and_process))
    for number in range(10):
        here, other = "ab" if number % 2 else "ba"
        worker.send(OffloadContext(other), load(guests.guest, context=here), run(number, [0], here))
        worker.wait(BatchEnd, batch=number, outcome="done")
        assert worker.results(number) == {0: [guests.BALLAST_BYTES, pids[here]]}
        worker.send(OffloadContext(here))
    assert faults(worker) == []


@pytest.mark.parametrize("way", ["", "raise"])
def test_a_load_that_comes_while_it_leaves_has_it_back(worker: Worker, way: str) -> None:
    pid = warm(worker, way)
    worker.send(OFFLOAD, load(guests.guest), run(1, [0]))
    worker.wait(ReplicaState, status="absent" if way else "parked")
    again = worker.wait(ReplicaState, status="warm")
    worker.wait(BatchEnd, batch=1, outcome="done")
    assert (again.pid == pid) is not bool(way)
    assert faults(worker) == []


def test_it_is_dropped_while_it_waits_to_come_back(worker: Worker) -> None:
    """Its return and its batch are postponed, since it has not left yet."""
    pid = at(worker, "parking")
    worker.send(load(guests.guest), run(1, [0]), DropContext("c"))
    assert worker.wait(BatchEnd).outcome == "cancelled"
    worker.wait(ReplicaState, status="absent")
    assert gone(pid)
    assert states(worker).count("loading") == 1
