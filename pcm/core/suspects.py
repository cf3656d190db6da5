"""Items of a run that were in flight when something died, and their lanes. What becomes of them
is decided in ``pcm.core.quarantine``."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from pcm.core.items import Span


@dataclass(slots=True)
class Suspect:
    """The record of one item. It ends when the item has an outcome."""

    attempt: int = 1
    deaths: int = 0
    alone: int = 0
    """How many of the last deaths, in a row, found it the only item in flight."""
    chance: float = 1.0
    """How likely it is that all its deaths had other causes."""
    slow: int = 0
    """How many of the deaths were missed deadlines: they lengthen its next lease."""
    workers: set[str] = field(default_factory=set)
    history: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Group:
    """Suspects of one lost batch that are tried again together, at most ``items_max`` at once."""

    lane: deque[Span]
    items_max: int


@dataclass(slots=True)
class Suspects:
    records: dict[int, Suspect] = field(default_factory=dict)
    met: int = 0
    """How many there ever were. Among many, some meet with much by chance (Bonferroni)."""
    alone: deque[int] = field(default_factory=deque)
    """Items that are to be sent each in a batch of its own."""
    groups: deque[Group] = field(default_factory=deque)

    def record_of(self, item: int) -> Suspect:
        """A new one, if it was none so far."""
        record = self.records.get(item)
        if record is None:
            record = self.records[item] = Suspect()
            self.met += 1
        return record

    @property
    def waiting(self) -> bool:
        return bool(self.alone or self.groups)

    def clear(self) -> None:
        self.records.clear()
        self.alone.clear()
        self.groups.clear()
