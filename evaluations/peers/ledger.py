"""What was done, as all processes wrote it down: loads, items, kills; the same way for everybody.

Each line is appended with one write to a file opened with O_APPEND, so that lines of processes that
write at once do not mix, and what a process wrote before it was killed is there.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import Literal, NamedTuple

Kind = Literal["up", "zero", "load", "loaded", "begun", "finished", "kill"]
NAME = "ledger"


class Entry(NamedTuple):
    """``number``: of the item, or of the processes that were killed; else 0."""

    kind: str
    machine: int
    number: int
    at_seconds: float
    """On the machine's monotonic clock, which all processes share."""


class Ledger:
    """For writing; as many at a time as there are processes."""

    def __init__(self, directory: str | Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(Path(directory, NAME), flags, 0o600)

    def write(self, kind: Kind, machine: int = -1, number: int = 0) -> float:
        """Gives the time that was written."""
        now = time.monotonic()
        os.write(self._file, b"%s %d %d %.6f\n" % (kind.encode(), machine, number, now))
        return now

    def close(self) -> None:
        os.close(self._file)


def read(directory: str | Path) -> list[Entry]:
    """In the order in which it was written; empty if nobody wrote."""
    path = Path(directory, NAME)
    if not path.exists():
        return []
    entries = []
    for line in path.read_text().splitlines():
        kind, machine, number, at = line.split()
        entries.append(Entry(kind, int(machine), int(number), float(at)))
    return entries


class Count(NamedTuple):
    """What a ledger comes to."""

    loads: int
    """Begun, whether or not they came to their end."""
    duplicates: int
    """Times that an item was computed to its end when it had been already."""
    lost: int
    """Items begun and not computed to their end: their machine was killed."""
    kills: tuple[tuple[int, float], ...]
    """Machine and time."""


def count(entries: list[Entry]) -> Count:
    of_kind = Counter(entry.kind for entry in entries)
    computed = {entry.number for entry in entries if entry.kind == "finished"}
    return Count(
        loads=of_kind["load"],
        duplicates=of_kind["finished"] - len(computed),
        lost=of_kind["begun"] - of_kind["finished"],
        kills=tuple((e.machine, e.at_seconds) for e in entries if e.kind == "kill"),
    )
