"""What the jobs of a pool did, from the schedd's own log of all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

SETTINGS = {
    "EVENT_LOG": "$(LOG)/EventLog",
    "EVENT_LOG_FORMAT_OPTIONS": "ISO_DATE, SUB_SECOND",
    "EVENT_LOG_MAX_SIZE": "0",
}
"""Of HTCondor, for there to be such a log, in milliseconds and as one file."""
NAME = "EventLog"
_EVENT = re.compile(r"(\d{3}) \((\d+)\.(\d+)\.\d+\) (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) ")
_SUBMITTED, _STARTED, _EVICTED = "000", "001", "004"
_ENDS = {_EVICTED: "evicted", "005": "ended", "007": "failed", "009": "removed", "012": "held"}
_ENDS["024"] = "lost"
_TAKEN = ("009", "012")
TOGETHER_SECONDS = 1.0

JobId = tuple[int, int]


class Life(NamedTuple):
    """One time that a job ran; times are unix seconds."""

    job: JobId
    number: int
    """1 for the first of its job."""
    start: float
    end: float
    """``inf`` if it still runs."""
    how: str


class Ledger(NamedTuple):
    """What became of some jobs."""

    submitted: int
    lives: tuple[Life, ...]

    @property
    def evictions(self) -> int:
        return sum(life.how == "evicted" for life in self.lives)

    def held_seconds(self, start: float, end: float) -> float:
        """How long they ran in all, between these two times."""
        return sum(max(0.0, min(end, life.end) - max(start, life.start)) for life in self.lives)


def read(path: Path, offset: int, *, only: Iterable[int] = (), but: Iterable[int] = ()) -> Ledger:
    """Of the jobs that the log tells of after so many bytes: those of the clusters ``only``, if it
    names any, without those of ``but``."""
    with path.open("rb") as file:
        file.seek(offset)
        lines = file.read().decode(errors="replace").splitlines()
    return of(lines, only=only, but=but)


def of(lines: Sequence[str], *, only: Iterable[int] = (), but: Iterable[int] = ()) -> Ledger:
    wanted, unwanted = set(only), set(but)
    submitted = 0
    running: dict[JobId, float] = {}
    count: dict[JobId, int] = {}
    ended: dict[JobId, Life] = {}
    lives = []
    for line in lines:
        found = _EVENT.match(line)
        if found is None:
            continue
        code, job = found[1], (int(found[2]), int(found[3]))
        if job[0] in unwanted or (wanted and job[0] not in wanted):
            continue
        at = datetime.fromisoformat(found[4]).timestamp()
        if code == _SUBMITTED:
            submitted += 1
        elif code == _STARTED:
            running[job] = at
            count[job] = count.get(job, 0) + 1
        elif code in _ENDS and job in running:
            ended[job] = Life(job, count[job], running.pop(job), at, _ENDS[code])
            lives.append(ended[job])
        elif code in _TAKEN and job in ended and at - ended[job].end < TOGETHER_SECONDS:
            # It was not its machine that ended it: that is told of as an eviction, too.
            lives[lives.index(ended[job])] = ended[job]._replace(how=_ENDS[code])
    lives += [Life(job, count[job], at, float("inf"), "") for job, at in running.items()]
    return Ledger(submitted, tuple(sorted(lives, key=lambda life: life.start)))
