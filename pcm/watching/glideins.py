"""How the glideins of a run stand, in words, and what is to be said of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from condor.fleet import Status

HOLDS_TOLD = 10
"""Reasons that are told of one class; a pool may have as many as machines."""


def standing(statuses: Sequence[Status]) -> str:
    """In one line; empty without classes."""
    if not statuses:
        return ""
    return "glideins: " + "; ".join(f"{one.name} {_counts(one)}" for one in statuses)


class Holds:
    """Tells every reason for which glideins are held once, when it is new."""

    def __init__(self) -> None:
        self._told: dict[str, set[str]] = {}

    def fresh(self, statuses: Sequence[Status]) -> list[str]:
        lines = []
        for one in statuses:
            told = self._told.setdefault(one.name, set())
            for reason, count in one.held.items():
                if reason not in told and len(told) < HOLDS_TOLD:
                    told.add(reason)
                    lines.append(f"glideins of class {one.name}: {count} held: {reason}")
        return lines


def _counts(one: Status) -> str:
    starting = max(0, one.running - one.joined - one.silent)
    counts = (
        (one.joined, "at work"),
        (starting, "starting"),
        (one.silent, "silent"),
        (one.queued, "queued"),
        (one.asked, "to be submitted"),
        (sum(one.held.values()), "held"),
    )
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "none wanted"
