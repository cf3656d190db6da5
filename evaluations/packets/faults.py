"""What is done on the stage, for which condition, and where it must be found.

Faults of different scenes are done at the same time, and those of one scene that do not touch each
other.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evaluations.packets import shaping
from evaluations.packets.namespaces import FREE_RATE, port_of, start

if TYPE_CHECKING:
    from evaluations.packets.stage import Stage

PULSE = """
import os, random, signal, sys, time
chance, process = random.Random(7), int(sys.argv[1])
print("ready", flush=True)
while True:
    time.sleep(chance.uniform(0.02, 0.1))
    os.kill(process, signal.SIGSTOP)
    time.sleep(chance.uniform(0.05, 0.3))
    os.kill(process, signal.SIGCONT)
"""
BUSY = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
os.nice(40)
print("ready", flush=True)
while True:
    pass
"""


@dataclass(frozen=True)
class Fault:
    condition: str
    worker: str
    place: str
    what: str
    scene: str
    turn: int
    """It begins a while after those of the turn before at its worker."""
    lasts_seconds: float
    """At most: it ends when it was found."""
    do: Callable[[Stage], AbstractContextManager[None]]
    tries: int = 2
    """How often it may be done, until it is found."""


NEIGHBOURS = 4
LASTS_SECONDS = 16.0
"""A condition is found when it held in six of eight seconds, with levels that are medians of five;
those that ordinary life has for a while must last longer."""
MINUTES_SECONDS = 75.0
"""What is told by a minute against all before. A second try would be compared with the first."""
FAULTS: list[Fault] = []


def _fault(
    condition: str,
    worker: str,
    place: str,
    what: str,
    scene: str,
    turn: int = 0,
    lasts: float = LASTS_SECONDS,
    tries: int = 2,
) -> Callable[[Callable[[Stage], Iterator[None]]], None]:
    def keep(function: Callable[[Stage], Iterator[None]]) -> None:
        FAULTS.append(
            Fault(
                condition, worker, place, what, scene, turn, lasts, contextmanager(function), tries
            )
        )

    return keep


@contextmanager
def _running(program: str, argument: int) -> Iterator[None]:
    process = start([sys.executable, "-c", program, str(argument)])
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


# -- serving -----------------------------------------------------------------------------------


@_fault("NS1", "w1", "", "batches come thirty at once, once a second", "serving")
def bursts(stage: Stage) -> Iterator[None]:
    with _fed(stage, "w1", together=30, pause_seconds=1.0):
        yield


@_fault("NS2", "w2", "", "a feeder that sends a batch every 2.7 s", "serving",
        lasts=MINUTES_SECONDS, tries=1)  # fmt: skip
def starved(stage: Stage) -> Iterator[None]:
    with _fed(stage, "w2", pause_seconds=2.7):
        yield


@_fault("NS3", "s3", "", "one of eight sessions sends 200 times as much", "sessions",
        lasts=MINUTES_SECONDS, tries=1)  # fmt: skip
def one_session(stage: Stage) -> Iterator[None]:
    stage.ask("s3-0", "s3", bytes=100_000)
    yield
    stage.ask("s3-0", "s3")


@_fault("NS4", "w4", "", "15 % of packets to the worker are dropped", "serving")
def lossy_in(stage: Stage) -> Iterator[None]:
    with _lossy(port_of("w4"), 0.15):
        yield


@_fault("NS5", "w5", "", "what leads to the receiver carries less than the results", "serving")
def slow_receiver(stage: Stage) -> Iterator[None]:
    # Little less: what the worker tells of itself waits behind its results.
    shaping.limit(port_of("m5"), 400_000)
    yield
    shaping.clear(port_of("m5"))


@_fault("NS6", "w6", "", "SIGSTOP of the supervisor, in pulses of random length", "serving")
def pulses(stage: Stage) -> Iterator[None]:
    supervisor = stage.serving.workers["w6"].process.pid
    with _running(PULSE, supervisor):
        yield
    os.kill(supervisor, signal.SIGCONT)


@_fault("NS7", "w7", "", "15 % of packets from the worker are dropped", "serving")
def lossy_out(stage: Stage) -> Iterator[None]:
    with _lossy(port_of("m7"), 0.15):
        yield


@contextmanager
def _fed(stage: Stage, worker: str, **changed: Any) -> Iterator[None]:
    before = stage.serving.workers[worker].feed
    stage.serving.workers[worker].feed = replace(before, **changed)
    yield
    stage.serving.workers[worker].feed = before


@contextmanager
def _lossy(port: str, share: float) -> Iterator[None]:
    shaping.lose(port, share)
    yield
    shaping.clear(port)


# -- transfers ---------------------------------------------------------------------------------


@_fault("NS9", "b9", "p-b9", "a transfer takes all that a link of 20 Mbit/s carries", "link",
        lasts=36.0)  # fmt: skip
def full(stage: Stage) -> Iterator[None]:
    stage.send("b9", "m", bytes_per_second=10_000_000)
    yield
    stage.send("b9", "m")


@_fault(
    "EW4", "f2", "p-f2", "a queue of 8 Mbit/s that marks packets (ECN), and more to send", "ecn"
)
def congested(stage: Stage) -> Iterator[None]:
    stage.cable_rate(8_000_000)
    for target in ("f2", "f3"):
        stage.send(target, "f0", bytes_per_second=2_000_000)
    yield
    for target in ("f2", "f3"):
        stage.send(target, "f0")
    stage.cable_rate(FREE_RATE)


@_fault("EW5", "h5", "p-h5>b5", "a transfer before small messages in one queue", "queue")
def behind(stage: Stage) -> Iterator[None]:
    stage.send("b5", "h5", bytes_per_second=30_000_000, message_bytes=4 << 20)
    yield
    stage.send("b5", "h5")


@_fault("EW6", "h", "p-h>b6", "10 % of packets of a link are dropped", "transfers")
def bad_link(stage: Stage) -> Iterator[None]:
    with _lossy(port_of("b6"), 0.10):
        yield


@_fault("EW7", "h", "p-h>b7", "a receiver that reads a fifth of the time", "transfers",
        lasts=26.0)  # fmt: skip
def no_credits(stage: Stage) -> Iterator[None]:
    stage.read("b7", 0.2)
    stage.send("b7", bytes_per_second=2_000_000, message_bytes=30_000)
    yield
    stage.send("b7")
    stage.read("b7", 0)


# -- ranks -------------------------------------------------------------------------------------


@_fault("EW1", "tp0:1", "tp0:1", "rank 1 comes 5 ms late to every collective", "ranks")
def late_rank(stage: Stage) -> Iterator[None]:
    stage.rank(1, late_seconds=0.005)
    yield
    stage.rank(1, late_seconds=0.0)


@_fault("EW9", "tp0:1", "tp0:1", "rank 1 stops before a collective", "ranks", turn=1, lasts=24.0)
def silent_rank(stage: Stage) -> Iterator[None]:
    # By itself: of one that is stopped in the midst of a collective the observer sees that both had
    # come to it, and not who is waited for.
    stage.rank(1, stops=True)
    yield
    stage.ranks[1].signal(signal.SIGCONT)


@_fault("EW3", "tp0:1", "tp0:1", "rank 1 sends 30 kB a step more than rank 0", "ranks", turn=2)
def uneven(stage: Stage) -> Iterator[None]:
    stage.rank(0, extra_bytes=30_000)
    yield
    stage.rank(0, extra_bytes=0)


@_fault("EW1", "tp0:1", "tp0:1", "neighbours take the core, rank 1 has what is left", "ranks",
        turn=3)  # fmt: skip
def stolen(stage: Stage) -> Iterator[None]:
    rank, core = stage.ranks[1].pid, max(os.sched_getaffinity(0))
    with ExitStack() as stack:
        for _ in range(NEIGHBOURS):
            stack.enter_context(_running(BUSY, core))
        # They are the least of those that are due anything, so that they hurt nobody else.
        for thread in _threads(rank):
            os.sched_setaffinity(thread, {core})
            os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
        yield
    for thread in _threads(rank):
        os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
        os.sched_setaffinity(thread, os.sched_getaffinity(0))


def _threads(process: int) -> list[int]:
    return [int(name) for name in os.listdir(f"/proc/{process}/task")]
