"""The machines of several speeds: a worker takes one, loads its context there, and computes.

Systems start workers as each does; how fast one is, it learns when it is about to load: it takes a
machine that is free, which is a lock on a file that ends with its process. So a replacement gets
the speed of the worker that was killed, whoever starts it and when; but nobody may load on a
machine before the time that the killer has set.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from evaluations.peers.ledger import Ledger
from evaluations.peers.workload import Workload, answer

ZERO = "zero"
"""The file that is there from time zero on."""
LOOK_SECONDS = 0.005
DEBT_SECONDS_MAX = 0.01
"""Of sleeping too long, what is made up for; a process that stood still was slow."""


class Machine:
    """One machine, with its context loaded. To be made in the process that computes."""

    def __init__(self, directory: str, workload: str) -> None:
        """Waits for time zero and for a machine, and loads. ``workload``: as it was dumped."""
        self._work = Workload.parse(workload)
        self._costs = self._work.costs()
        self._ledger = Ledger(directory)
        self._ledger.write("up")
        while not Path(directory, ZERO).exists():
            time.sleep(LOOK_SECONDS)
        self.number, self._lock = _take(Path(directory), len(self._work.speeds))
        self._speed = self._work.speeds[self.number]
        self._debt = 0.0
        self._ledger.write("load", self.number)
        time.sleep(self._work.load_seconds)
        self._ledger.write("loaded", self.number)

    def compute(self, items: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Every item with its answer, as it is made.

        An item takes its cost divided by the speed, exactly: what a sleep is too long, the next is
        shorter. All else that happens between items is time of the system.
        """
        for item in items:
            begun = self._ledger.write("begun", self.number, item)
            due = begun + self._costs[item] / self._speed - self._debt
            time.sleep(max(0.0, due - time.monotonic()))
            self._ledger.write("finished", self.number, item)
            self._debt = min(time.monotonic() - due, DEBT_SECONDS_MAX)
            yield item, answer(item)

    def close(self) -> None:
        """Give the machine back. Who is killed need not."""
        os.close(self._lock)
        self._ledger.close()


def set_away(directory: Path, machine: int, until: float) -> None:
    """Nobody loads on this machine before then, on the monotonic clock."""
    path = directory / f"away-{machine}"
    fresh = path.with_suffix(".new")
    fresh.write_text(repr(until))
    fresh.replace(path)


def holder(directory: Path, machine: int) -> int:
    """The process that has it; 0 if nobody has."""
    with contextlib.suppress(OSError, ValueError), (directory / _name(machine)).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read())
    return 0


def _take(directory: Path, count: int) -> tuple[int, int]:
    """The number of a machine that is free and there, and the descriptor that holds it."""
    while True:
        for machine in range(count):
            if _away_until(directory, machine) > time.monotonic():
                continue
            lock = os.open(directory / _name(machine), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            os.pwrite(lock, b"%-10d" % os.getpid(), 0)
            if _away_until(directory, machine) <= time.monotonic():
                return machine, lock
            os.close(lock)  # It was killed in between.
        time.sleep(LOOK_SECONDS)


def _away_until(directory: Path, machine: int) -> float:
    try:
        return float((directory / f"away-{machine}").read_text())
    except FileNotFoundError:
        return 0.0


def _name(machine: int) -> str:
    return f"machine-{machine}"
