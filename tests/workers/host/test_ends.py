"""Replicas and workers that end, by every hand, and what is left of their batches."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.workers.host import user_code
from tests.workers.host.driver import Worker, define, load, run
from tests.workers.host.test_loading import gone
from workers.host.link import Link
from workers.host.processes import search_path
from workers.protocol import (
    BatchEnd,
    CancelBatch,
    DropContext,
    Goodbye,
    Hello,
    Leave,
    Notice,
    Order,
    ReplicaFault,
    ReplicaState,
    decode_reports,
    encode,
)


def busy(worker: Worker, *instructions: object) -> int:
    """A replica in the middle of batch 1, with batch 2 behind it; gives the replica's pid."""
    worker.send(load(user_code.constant), define(user_code.obey))
    pid: int = worker.wait(ReplicaState, status="warm").pid
    worker.send(run(1, [*range(5), *instructions]), run(2, [0]))
    worker.wait_results(1, 5)
    return pid


def assert_ends(worker: Worker, first: str, second: str) -> None:
    """How batch 1 (running) and batch 2 (waiting) ended; the results of batch 1 are kept."""
    ends = worker.ends()
    assert (ends[1].outcome, ends[1].started) == (first, True)
    assert (ends[2].outcome, ends[2].started) == (second, False)
    assert worker.results(1) == {n: n for n in range(5)}


@pytest.mark.kills
def test_a_killed_replica_loses_only_what_was_in_flight(worker: Worker) -> None:
    pid = busy(worker, "wait")
    os.kill(pid, signal.SIGKILL)
    fault = worker.wait(ReplicaFault)
    assert fault.kind == "died"
    assert_ends(worker, "replica_died", "replica_died")
    detail = worker.ends()[1].detail
    assert detail.startswith("killed by signal 9 (SIGKILL): out of memory? its peak was ")
    assert detail.split("peak was ")[1].startswith("0.")
    worker.send(load(user_code.constant), run(3, [3]))
    worker.wait(BatchEnd, batch=3, outcome="done")


def test_an_item_that_kills_its_process(worker: Worker) -> None:
    worker.send(load(user_code.constant), define(user_code.obey))
    worker.send(run(1, [*range(8), "die", 9]))
    worker.wait(ReplicaFault)
    assert worker.ends()[1].outcome == "replica_died"
    # A result may wait for a millisecond before it leaves the process, so some may be lost.
    found = worker.results(1)
    assert found == {n: n for n in range(len(found))}
    assert len(found) <= 8


def test_a_replica_that_exits_shows_what_it_printed(worker: Worker) -> None:
    worker.send(load(user_code.constant), define(user_code.obey), run(1, ["exit"]))
    error = worker.wait(ReplicaFault).error
    assert error.message == "exit code 3"
    assert error.log_tail == "good bye"
    assert worker.ends()[1].detail == "exit code 3\ngood bye"


def test_a_replica_that_closes_its_link_is_given_up(worker: Worker) -> None:
    def close_all(_: object, items: list[int]) -> list[int]:
        os.closerange(3, 256)
        user_code.wait_for_ever()
        return items

    worker.send(load(user_code.constant), define(close_all), run(1, [1]))
    pid = worker.wait(ReplicaState, status="warm").pid
    assert worker.wait(ReplicaFault).kind == "died"
    assert gone(pid)


def test_a_waiting_batch_is_cancelled_without_harm(worker: Worker) -> None:
    pid = busy(worker, "wait")
    worker.send(CancelBatch(2))
    end = worker.wait(BatchEnd)
    assert (end.batch, end.outcome, end.started) == (2, "cancelled", False)
    assert psutil.pid_exists(pid)


@pytest.mark.parametrize("reason", ["deadline", "cancelled"])
def test_a_running_batch_takes_its_replica_along(worker: Worker, reason: str) -> None:
    pid = busy(worker, "wait")
    worker.send(CancelBatch(1, reason))  # type: ignore[arg-type]
    worker.wait(ReplicaState, status="absent")
    assert worker.wait(BatchEnd, batch=1).outcome == reason
    worker.wait(BatchEnd, batch=2)
    assert_ends(worker, reason, "cancelled")
    assert gone(pid)
    assert not any(isinstance(report, ReplicaFault) for report in worker.reports)


def test_cancelling_what_is_over_changes_nothing(worker: Worker) -> None:
    worker.send(load(user_code.constant), define(user_code.echo), run(1, [1]))
    worker.wait(BatchEnd, batch=1)
    worker.send(CancelBatch(1), CancelBatch(99), run(2, [2]))
    assert worker.wait(BatchEnd).batch == 2


def test_a_dropped_context_is_gone_before_the_next_is_loaded(worker: Worker) -> None:
    pid = busy(worker, "wait")
    alive = load(lambda: psutil.pid_exists(pid), context="next")
    worker.send(DropContext("c"), alive, define(user_code.the_context, "tell"))
    worker.send(run(3, [0], "next", "tell"))
    worker.wait(ReplicaState, status="absent")
    worker.wait(BatchEnd, batch=3, outcome="done")
    assert worker.results(3) == {0: False}
    assert_ends(worker, "cancelled", "cancelled")


def test_a_context_is_dropped_while_it_loads(worker: Worker) -> None:
    worker.send(load(user_code.hanging))
    pid = worker.wait(ReplicaState, status="loading").pid
    worker.send(DropContext("c"))
    worker.wait(ReplicaState, status="absent")
    assert gone(pid)


def test_a_context_is_dropped_before_its_process_is_there(worker: Worker) -> None:
    worker.send(load(user_code.constant), DropContext("c"), load(user_code.constant, context="d"))
    worker.wait(ReplicaState, context="c", status="absent")
    worker.wait(ReplicaState, context="d", status="warm")
    worker.send(load(user_code.constant))
    worker.wait(ReplicaState, context="c", status="warm")


@pytest.mark.parametrize(
    ("helper", "hand"),
    [
        (user_code.with_helper, "replica"),
        (user_code.with_helper, "drop"),
        (user_code.with_helper, "end"),
        # What has left its session ends with the worker only.
        (user_code.with_daemon, "end"),
    ],
)
def test_what_a_context_started_ends_with_it(
    worker: Worker, tmp_path: Path, helper: Callable[..., Any], hand: str
) -> None:
    pid_file = tmp_path / "helper.pid"
    worker.send(load(helper, str(pid_file)))
    pid = worker.wait(ReplicaState, status="warm").pid
    if hand == "replica":
        os.kill(pid, signal.SIGKILL)
    elif hand == "drop":
        worker.send(DropContext("c"))
    else:
        worker.link.close()
    assert gone(int(pid_file.read_text()))


@pytest.mark.kills
def test_an_eviction_gives_back_what_is_finished(tmp_path: Path) -> None:
    with Worker(tmp_path, "--grace", "7") as worker:
        pid = busy(worker, "wait")
        worker.process.send_signal(signal.SIGTERM)
        reports = worker.wait_end()
        assert worker.wait(Notice).leaves_in_seconds == 7
        assert_ends(worker, "evicted", "evicted")
        assert reports[-1] == Goodbye("evicted")
        assert gone(pid)
        assert worker.process.returncode == 0


def test_a_worker_that_is_not_needed_finishes_what_it_runs(worker: Worker) -> None:
    worker.send(load(user_code.constant), define(user_code.slow))
    worker.wait(ReplicaState, status="warm")
    worker.send(run(1, [0.1, 0.1]), run(2, [0.1]), Leave(30.0), run(3, [0.1]))
    reports = worker.wait_end()
    assert reports[-1] == Goodbye("retired")
    assert {n: (end.outcome, end.started) for n, end in worker.ends().items()} == {
        1: ("done", True),
        2: ("evicted", False),
        3: ("evicted", False),
    }
    assert worker.results(1) == {0: 0.1, 1: 0.1}


def test_a_worker_that_is_not_needed_does_not_wait_for_ever(worker: Worker) -> None:
    busy(worker, "wait")
    worker.send(Leave(0.05))
    assert worker.wait_end()[-1] == Goodbye("retired")
    assert_ends(worker, "evicted", "evicted")


def test_an_idle_worker_leaves_at_once(worker: Worker) -> None:
    worker.send(Leave(1000.0))
    assert worker.wait_end()[-1] == Goodbye("retired")


@pytest.mark.parametrize("word", ["leave", "sigterm"])
def test_a_worker_that_has_hardly_begun_leaves_in_good_order(worker: Worker, word: str) -> None:
    worker.send(load(user_code.constant), define(user_code.echo), run(1, [1]))
    if word == "leave":
        worker.send(Leave(0.0))
    else:
        worker.process.send_signal(signal.SIGTERM)
    reports = worker.wait_end()
    assert [report for report in reports if isinstance(report, Goodbye)] == reports[-1:]
    # The signal may overtake the orders; then nobody waits for their end any more.
    assert set(worker.ends()) <= {1}


def tree(worker: Worker) -> list[int]:
    process = psutil.Process(worker.process.pid)
    return [process.pid, *(child.pid for child in process.children(recursive=True))]


def test_nothing_outlives_the_other_side(worker: Worker, tmp_path: Path) -> None:
    worker.send(load(user_code.with_daemon, str(tmp_path / "pid"), context="d"))
    worker.wait(ReplicaState, status="warm")
    busy(worker, "wait")
    family = [*tree(worker), int((tmp_path / "pid").read_text())]
    assert len(family) >= 5
    worker.link.close()
    assert all(gone(pid) for pid in family)


@pytest.mark.kills
def test_nothing_outlives_the_supervisor(worker: Worker, tmp_path: Path) -> None:
    worker.send(load(user_code.with_helper, str(tmp_path / "pid"), context="d"))
    worker.wait(ReplicaState, status="warm")
    busy(worker, "wait")
    family = tree(worker)
    assert len(family) == 5  # supervisor, template, two replicas, a helper
    os.kill(worker.process.pid, signal.SIGKILL)
    assert all(gone(pid) for pid in family)


def test_garbage_ends_the_worker(worker: Worker) -> None:
    worker.link.send(b"no frame of orders")
    worker.wait_end()


PARENT = """
import os, subprocess, sys, threading, time
# The worker's socket is held open by a process that lives on, as after a fork of the manager.
command = [sys.executable, "-P", "-m", "workers.host", "--fd", sys.argv[1], "--worker", "w",
           "--scratch", sys.argv[2]]
start = lambda: subprocess.Popen(command, pass_fds=[int(sys.argv[1])], start_new_session=True)
thread = threading.Thread(target=start)
thread.start()
thread.join()
sys.stdin.read()
"""


@pytest.mark.kills
def test_the_parents_death_is_noticed_but_not_its_threads(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(theirs.fileno()), str(tmp_path)],
            pass_fds=[theirs.fileno()],
            env=os.environ | {"PYTHONPATH": search_path()},
            stdin=subprocess.PIPE,
        )
    link = Link(ours)
    ours.settimeout(30)
    frame = ours.recv(65536)
    (hello,) = decode_reports(frame[4:])
    assert isinstance(hello, Hello)
    ours.setblocking(False)
    # The thread that started it has ended by now, and it still works.
    orders: list[Order] = [load(user_code.constant), define(user_code.echo), run(1, [1])]
    link.send(encode(orders))
    reports: list[object] = []
    while not any(isinstance(report, BatchEnd) for report in reports):
        for body in link.receive():
            reports += decode_reports(body)
    parent.kill()
    parent.wait()
    assert parent.stdin is not None
    parent.stdin.close()
    assert gone(hello.pid)
    link.close()
