"""Replicas of several ranks in a real worker: what each is told, and how they end as one."""

from __future__ import annotations

import ctypes
import os
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.workers.host import user_code
from tests.workers.host.driver import Worker, define, load, run
from tests.workers.host.meeting import meet, together
from tests.workers.host.test_loading import gone
from workers.host.rank_environment import environments
from workers.protocol import BatchEnd, CancelBatch, DropContext, ReplicaFault, ReplicaState

NAMES = (
    *("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "PCM_RENDEZVOUS"),
    *("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"),
)


@pytest.fixture
def place(tmp_path: Path) -> str:
    (tmp_path / "meeting").mkdir()
    return str(tmp_path / "meeting")


def ranks_of(pid: int) -> list[int]:
    """Pids of the ranks by number; ``pid`` is that of the replica."""
    pids = [child.pid for child in psutil.Process(pid).children()]
    assert all(os.getpgid(child) == pid for child in pids)
    return sorted(pids)


def test_ranks_are_told_who_they_are_and_give_the_results_of_the_first(
    worker: Worker, place: str
) -> None:
    worker.send(load(meet, place, ranks=3), define(together), run(1, [1, 10]))
    worker.wait(BatchEnd, batch=1, outcome="done")
    assert worker.results(1) == {0: ["1", "2", "3"], 1: ["10", "20", "30"]}
    warm = [r for r in worker.reports if isinstance(r, ReplicaState) and r.status == "warm"]
    assert len(warm) == 1
    assert len(ranks_of(warm[0].pid)) == 3
    assert not warm[0].parks


def test_what_differs_between_ranks(worker: Worker, place: str) -> None:
    def tell(meeting: Any, items: Sequence[int]) -> Iterator[Any]:
        yield meeting.exchange(
            {name: os.environ[name] for name in NAMES}
            | {"random": random.random(), "files": len(os.listdir("/proc/self/fd"))}
        )

    worker.send(load(meet, place, ranks=2), define(tell), run(1, [0]))
    worker.wait(BatchEnd, batch=1, outcome="done")
    one, other = map(eval, worker.results(1)[0])
    assert (one["RANK"], one["LOCAL_RANK"], one["WORLD_SIZE"]) == ("0", "0", "2")
    assert (other["RANK"], other["LOCAL_RANK"], other["LOCAL_WORLD_SIZE"]) == ("1", "1", "2")
    assert one["random"] == other["random"]
    assert one["PCM_RENDEZVOUS"] == other["PCM_RENDEZVOUS"]
    assert one["GLOO_SOCKET_IFNAME"] == one["NCCL_SOCKET_IFNAME"] == "lo"
    # Three standard streams, the link, the line to agree on, the directory listing.
    assert one["files"] == other["files"] == 6
    with open(one["PCM_RENDEZVOUS"], "rb") as rendezvous:
        assert rendezvous.read() == b""
    end_by_drop(worker)
    assert not os.path.exists(one["PCM_RENDEZVOUS"])


def test_devices_and_threads_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "9")
    found = environments(2, "/there", ["GPU-a", "GPU-b", "GPU-c", "GPU-d", "GPU-e"])
    assert [each["CUDA_VISIBLE_DEVICES"] for each in found] == ["GPU-a,GPU-b", "GPU-c,GPU-d"]
    assert [each["LOCAL_RANK"] for each in found] == ["0", "0"]
    assert {each["OMP_NUM_THREADS"] for each in found} == {"4"}
    fewer = environments(4, "/there", ["GPU-a"])
    assert [each["CUDA_VISIBLE_DEVICES"] for each in fewer] == [""] * 4
    assert [each["LOCAL_RANK"] for each in fewer] == ["0", "1", "2", "3"]


def test_memory_of_ranks_without_gpus_adds_up(worker: Worker) -> None:
    def filled() -> bytes:
        return b"x" * (30 << 20)

    worker.send(load(filled, ranks=2))
    assert 50 << 20 < worker.wait(ReplicaState, status="warm").memory_bytes < 200 << 20


def test_who_printed_what(worker: Worker) -> None:
    def speak() -> None:
        print("loading", os.environ["RANK"])

    worker.send(load(speak, ranks=2))
    worker.wait(ReplicaState, status="warm")
    (log,) = worker.scratch.glob("w-speak-*.log")
    assert sorted(log.read_text().splitlines()) == ["[rank 0] loading 0", "[rank 1] loading 1"]


# -- the end of one is the end of all --------------------------------------------------------------


def together_until(meeting: Any, items: Sequence[int], fatal: int, deed: str) -> Iterator[Any]:
    """Rank 1 comes to its end at the fatal item, the others wait for it."""
    for item in items:
        if item == fatal and os.environ["RANK"] == "1":
            if deed == "raise":
                raise MemoryError("no room on this one")
            os.kill(os.getpid(), signal.SIGKILL)
        if item == fatal and deed == "die in front of a wall":
            ctypes.PyDLL(None).sleep(1000)  # In C, and it does not let go of the interpreter.
        yield meeting.exchange(item)


@pytest.mark.kills
@pytest.mark.parametrize("deed", ["die", "die in front of a wall"])
def test_a_killed_rank_ends_the_replica_while_the_others_wait_for_it(
    worker: Worker, place: str, deed: str
) -> None:
    worker.send(load(meet, place, ranks=2), define(together_until, fatal=3, deed=deed))
    pid = worker.wait(ReplicaState, status="warm").pid
    ranks = ranks_of(pid)
    worker.send(run(1, range(5)), run(2, [0]))
    fault = worker.wait(ReplicaFault)
    assert fault.kind == "died"
    story = "rank 1 of 2: killed by signal 9 (SIGKILL): out of memory? its peak was 0."
    assert fault.error.message.startswith(story)
    ends = worker.ends()
    assert (ends[1].outcome, ends[1].started) == ("replica_died", True)
    assert (ends[2].outcome, ends[2].started) == ("replica_died", False)
    assert ends[1].detail.startswith(story)
    # A result may wait for a millisecond before it leaves the process, so some may be lost.
    found = worker.results(1)
    assert found == {n: [str(n)] * 2 for n in range(len(found))}
    assert len(found) <= 3
    assert all(gone(process) for process in [pid, *ranks])


@pytest.mark.kills
@pytest.mark.parametrize("victim", [0, 1])
def test_ranks_end_with_any_of_them_also_between_batches(worker: Worker, victim: int) -> None:
    worker.send(load(user_code.constant, ranks=2))
    pid = worker.wait(ReplicaState, status="warm").pid
    os.kill(ranks_of(pid)[victim], signal.SIGKILL)
    assert worker.wait(ReplicaFault).error.message.startswith(f"rank {victim} of 2: killed")
    assert gone(pid)
    worker.send(load(user_code.constant, ranks=2))
    worker.wait(ReplicaState, status="warm")


@pytest.mark.kills
def test_ranks_end_with_their_keeper(worker: Worker) -> None:
    worker.send(load(user_code.constant, ranks=2))
    pid = worker.wait(ReplicaState, status="warm").pid
    ranks = ranks_of(pid)
    os.kill(pid, signal.SIGKILL)
    assert worker.wait(ReplicaFault).kind == "died"
    assert all(gone(process) for process in ranks)


def end_by_drop(worker: Worker) -> None:
    worker.send(DropContext("c"))
    worker.wait(ReplicaState, status="absent")


def end_by_cancel(worker: Worker) -> None:
    worker.send(CancelBatch(1, "deadline"))
    assert worker.wait(BatchEnd, batch=1).outcome == "deadline"


def end_by_eviction(worker: Worker) -> None:
    worker.process.send_signal(signal.SIGTERM)
    assert worker.wait(BatchEnd, batch=1).outcome == "evicted"
    worker.wait_end()


def end_by_kill(worker: Worker) -> None:
    worker.process.kill()
    worker.process.wait()


@pytest.mark.kills
@pytest.mark.parametrize("end", [end_by_drop, end_by_cancel, end_by_eviction, end_by_kill])
def test_nothing_is_left_of_ranks(
    worker: Worker, place: str, end: Callable[[Worker], None]
) -> None:
    worker.send(load(meet, place, ranks=2), define(together_until, fatal=-1, deed=""))
    pid = worker.wait(ReplicaState, status="warm").pid
    ranks = ranks_of(pid)
    worker.send(define(user_code.obey, task="wait"), run(1, [0, "wait"], task="wait"))
    worker.wait_results(1, 1)
    end(worker)
    assert all(gone(process) for process in [pid, *ranks])


# -- loading ---------------------------------------------------------------------------------------


def test_a_loader_that_fails_in_one_rank_only(worker: Worker, place: str) -> None:
    def load_badly(directory: str) -> None:
        if os.environ["RANK"] == "1":
            raise FileNotFoundError("no weights here")
        meet(directory).exchange("waits for ever")

    worker.send(load(load_badly, place, ranks=2))
    fault = worker.wait(ReplicaFault)
    assert fault.kind == "loader_error"
    assert str(fault.error) == "FileNotFoundError: rank 1 of 2: no weights here"
    assert "in load_badly" in fault.error.traceback
    assert "[rank 1] FileNotFoundError" in fault.error.log_tail


def test_a_rank_that_dies_in_the_loader_is_the_cause_of_what_the_others_raise(
    worker: Worker, place: str
) -> None:
    def load_badly(directory: str) -> None:
        keeper = os.getppid()
        if os.environ["RANK"] == "1":
            Path(directory, "dies").write_text(str(keeper))
            os.kill(os.getpid(), signal.SIGKILL)
        while not Path(directory, "dies").exists():
            pass
        raise ConnectionError("the other one is gone")

    worker.send(load(load_badly, place, ranks=2))
    fault = worker.wait(ReplicaFault)
    assert fault.error.message.startswith("rank 1 of 2: killed by signal 9 (SIGKILL)")


def test_a_loader_that_hangs_in_one_rank_shows_the_stacks_of_all(worker: Worker) -> None:
    def load_slowly() -> None:
        if os.environ["RANK"] == "1":
            user_code.wait_for_ever()

    worker.send(load(load_slowly, ranks=2, timeout_seconds=0.5))
    pid = worker.wait(ReplicaState, status="loading").pid
    fault = worker.wait(ReplicaFault)
    assert fault.kind == "load_timeout"
    lines = fault.error.traceback.splitlines()
    assert any(line.startswith("[rank 0] ") and "in _orders" in line for line in lines)
    assert any(line.startswith("[rank 1] ") and "in wait_for_ever" in line for line in lines)
    assert [line[:8] for line in lines] == sorted(line[:8] for line in lines)
    worker.send(load(user_code.constant, context="d"))
    worker.wait(ReplicaState, status="warm")
    assert gone(pid)


# -- in step ---------------------------------------------------------------------------------------


def test_what_fails_in_all_ranks_is_the_items_failure(worker: Worker, place: str) -> None:
    def picky(meeting: Any, items: Sequence[int]) -> list[Any]:
        if 3 in items:
            raise ValueError(f"rank {os.environ['RANK']} wants no 3")
        return [meeting.exchange(item) for item in items]

    worker.send(load(meet, place, ranks=2), define(picky), run(1, range(5)), run(2, [7]))
    worker.wait(BatchEnd, batch=2, outcome="done")
    results = worker.results(1)
    assert str(results.pop(3)) == "ValueError: rank 0 wants no 3"
    assert results == {n: [str(n)] * 2 for n in (0, 1, 2, 4)}
    assert not any(isinstance(report, ReplicaFault) for report in worker.reports)


def test_a_rank_that_fails_alone_ends_the_replica(worker: Worker) -> None:
    def picky(_: Any, items: Sequence[int]) -> list[Any]:
        if 3 in items and os.environ["RANK"] == "1":
            raise ValueError("no 3")
        return list(items)

    worker.send(load(user_code.constant, ranks=2), define(picky), run(1, range(5)))
    fault = worker.wait(ReplicaFault)
    assert fault.kind == "died"
    assert fault.error.message == (
        "the ranks are out of step: in rank 1 of 2 the task raised ValueError: no 3; rank 0 did not"
    )
    assert worker.ends()[1].outcome == "replica_died"
    assert worker.results(1) == {n: n for n in range(5)}


def test_an_item_that_one_rank_alone_gives_an_error_for_ends_the_replica(worker: Worker) -> None:
    def picky(_: Any, items: Sequence[int]) -> Iterator[Any]:
        for item in items:
            yield ValueError("no 3") if item == 3 and os.environ["RANK"] == "0" else item

    worker.send(load(user_code.constant, ranks=2), define(picky), run(1, range(5)))
    assert worker.wait(ReplicaFault).error.message == (
        "the ranks are out of step: in rank 0 of 2 the task raised ValueError: no 3; rank 1 did not"
    )


def test_a_rank_that_fails_while_the_others_wait_for_it(
    modules: Path, worker: Worker, place: str
) -> None:
    (modules / "hasty.py").write_text(
        "from workers.host import in_step\nin_step.STEP_SECONDS = 0.2\n"
    )
    worker.send(load(meet, place, ranks=2, imports=["hasty"]))
    worker.send(define(together_until, fatal=3, deed="raise"))
    worker.send(run(1, range(5)))
    fault = worker.wait(ReplicaFault)
    assert "in rank 1 of 2 the task raised MemoryError: no room on this one" in fault.error.message
    assert "rank 0 did not come to the same within" in fault.error.message
    assert worker.results(1) == {n: [str(n)] * 2 for n in range(3)}


def test_results_that_differ_are_those_of_the_first_rank(worker: Worker) -> None:
    def own(_: Any, items: Sequence[int]) -> Iterator[Any]:
        for item in items:
            yield item if os.environ["RANK"] == "0" else None

    worker.send(load(user_code.constant, ranks=2), define(own), run(1, range(5)))
    worker.wait(BatchEnd, batch=1, outcome="done")
    assert worker.results(1) == {n: n for n in range(5)}


def test_a_task_that_cannot_be_unpacked_fails_its_items_in_all_ranks(worker: Worker) -> None:
    worker.send(load(user_code.constant, ranks=2))
    worker.send(define(user_code.echo).__class__("t", "broken", b"no pickle"), run(1, [1]))
    worker.wait(BatchEnd, batch=1, outcome="done")
    assert "could not be unpacked" in worker.results(1)[0].message
