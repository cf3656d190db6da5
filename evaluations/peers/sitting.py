"""One run of one system, from the side of its program: time zero, kills, rows, and the answer.

A program calls ``sit`` with what it does: ``work(sitting)`` starts its workers and hands in the
work, calls ``begin`` when a process for each machine waits to load its context (``await_up``),
``take`` for all that comes back, and returns when it has the last row. The answer is one line of
JSON (``Outcome``) on standard output.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn, TextIO

import psutil

from evaluations.peers import ledger
from evaluations.peers.machines import ZERO
from evaluations.peers.workload import Workload, answer

ROOT = Path(__file__).parents[2]
_SET_CHILD_SUBREAPER = 36
PATIENCE_SECONDS = 60.0
"""For workers to come up."""
LOOK_SECONDS = 0.05
QUIET_SECONDS = 0.3
QUIET_SHARE = 0.1
"""Of one core: who uses less has come up."""
QUIET_SECONDS_MAX = 10.0


class Outcome(NamedTuple):
    """What came of it; times are seconds since time zero."""

    finished: bool
    """Whether it came to its end before the limit."""
    seconds: float
    loads: int
    duplicates: int
    lost: int
    kills: tuple[tuple[int, float], ...]
    missing_rows: int
    duplicate_rows: int
    wrong_rows: int
    versions: dict[str, str]


class TimeUp(Exception):
    """The limit has passed."""


class Sitting:
    """``directory`` is where machines and ledger are."""

    def __init__(self, workload: Workload, batch: int, directory: Path) -> None:
        self.workload, self.batch, self.directory = workload, batch, directory
        self.versions: dict[str, str] = {}
        self._rows: list[tuple[int, int]] = []
        self._left = set(range(workload.items))
        self._zero = self._last = 0.0
        self._killer: subprocess.Popen[bytes] | None = None

    @property
    def machine(self) -> tuple[str, str]:
        """The arguments of ``Machine``."""
        return str(self.directory), self.workload.dump()

    def begin(self, below: Sequence[int] = ()) -> None:
        """Time zero, when all processes have become quiet. From then on there are kills: of workers
        below these processes, or below this one. Raises TimeUp in the main thread when the limit
        has passed."""
        _await_quiet()
        signal.signal(signal.SIGALRM, _time_up)
        signal.setitimer(signal.ITIMER_REAL, self.workload.limit_seconds)
        self._zero = ledger.Ledger(self.directory).write("zero")
        (self.directory / ZERO).touch()
        if not self.workload.kill_every_seconds:
            return
        command = [sys.executable, "-m", "evaluations.peers.kills"]
        command += ["--directory", str(self.directory), "--workload", self.workload.dump()]
        command += ["--zero", repr(self._zero), "--below"]
        command += map(str, [os.getpid(), os.getppid(), *below])
        self._killer = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def take(self, rows: Iterable[tuple[int, int]]) -> None:
        """Rows, each an item with its answer, that are where the user has them. The clock stops
        when none is missing."""
        fresh = list(rows)
        self._rows += fresh
        self._left.difference_update(item for item, _ in fresh)
        if not self._left and not self._last:
            self._last = time.monotonic()
            signal.setitimer(signal.ITIMER_REAL, 0.0)

    @property
    def is_complete(self) -> bool:
        return not self._left

    def await_up(self, meanwhile: Callable[[], object] = lambda: time.sleep(LOOK_SECONDS)) -> None:
        """Until a process for each machine waits to load. Raises RuntimeError if they do not come.

        ``meanwhile`` is called again and again."""
        wanted, deadline = len(self.workload.speeds), time.monotonic() + PATIENCE_SECONDS
        while (there := sum(e.kind == "up" for e in ledger.read(self.directory))) < wanted:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{there} of {wanted} workers came up")
            meanwhile()

    def end(self) -> Outcome:
        """No more kills, and what came of it."""
        seconds = (self._last or time.monotonic()) - self._zero
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        if self._killer is not None:
            self._killer.kill()
            self._killer.wait()
        counted = ledger.count(ledger.read(self.directory))
        times = Counter(item for item, _ in self._rows)
        return Outcome(
            finished=self.is_complete,
            seconds=seconds,
            loads=counted.loads,
            duplicates=counted.duplicates,
            lost=counted.lost,
            kills=tuple((machine, at - self._zero) for machine, at in counted.kills),
            missing_rows=len(self._left),
            duplicate_rows=sum(times.values()) - len(times),
            wrong_rows=sum(answer(item) != found for item, found in self._rows),
            versions=self.versions,
        )


def sit(work: Callable[[Sitting], None]) -> None:
    """The whole program: reads its arguments, works, prints the outcome, and ends what is left.

    The work is a child's. This process adopts what loses its parent, so that nothing escapes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", type=Workload.parse, required=True)
    parser.add_argument("--batch", type=int, default=0, help="items to send at once")
    parser.add_argument("--keep", type=Path, help="where the ledger is copied to")
    options = parser.parse_args()
    os.environ.update(environment())
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory(prefix="pcm-peers-") as name:
        program = os.fork()
        if not program:
            _live(work, Sitting(options.workload, options.batch, Path(name)), options.keep)
        status = _reap(until=program)
        _end_all()
    sys.exit(status)


def _live(work: Callable[[Sitting], None], sitting: Sitting, keep: Path | None) -> NoReturn:
    status = 1
    try:
        with _own_output() as answers:
            with contextlib.suppress(TimeUp):
                work(sitting)
            print(json.dumps(sitting.end()._asdict()), file=answers, flush=True)
        if keep is not None:
            shutil.copy(sitting.directory / ledger.NAME, keep)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)  # Some peers would wait for what has been killed.


def _reap(until: int) -> int:
    """The exit status of this process. Others that ended must go, too: their system may look
    whether they are there."""
    while True:
        process, status = os.wait()
        if process == until:
            return int(os.waitstatus_to_exitcode(status) != 0)


def environment() -> dict[str, str]:
    """For all processes: they find this package, and the programs of their own Python."""
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    return {"PATH": path, "PYTHONPATH": str(ROOT)}


@contextlib.contextmanager
def _own_output() -> Iterator[TextIO]:
    """Standard output is for the answer; what the systems print goes where errors go."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        yield answers


def _await_quiet() -> None:
    """Until all that was started stands still, or idles as much as it ever will."""
    deadline = time.monotonic() + QUIET_SECONDS_MAX
    used = _cpu_seconds()
    while time.monotonic() < deadline:
        time.sleep(QUIET_SECONDS)
        before, used = used, _cpu_seconds()
        if used - before < QUIET_SHARE * QUIET_SECONDS:
            return


def _cpu_seconds() -> float:
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _end_all() -> None:
    """Also those that somebody starts meanwhile, to replace others."""
    while left := psutil.Process().children(recursive=True):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=1.0)


def _time_up(_: int, __: FrameType | None) -> None:
    raise TimeUp
