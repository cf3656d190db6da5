"""A finding: a condition that a worker is in, or was. Goes to the event log and the dashboard."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """``evidence``: the numbers that it rests on, by signal, with the statistic's name after a
    colon where it is not the plain level. ``explained_by``: the id of the finding whose effect
    this is; empty: none, so far as is known."""

    id: str
    condition: str
    name: str
    worker: str
    place: str
    since_seconds: float
    """Of the first window that showed it, seconds since 1970."""
    found_seconds: float
    """When it was told first."""
    until_seconds: float | None = None
    """When it was over; None while it lasts."""
    evidence: dict[str, float]
    confidence: float
    """0 to 1: one half at the bounds, more the farther beyond them and the steadier."""
    slowdown: float
    """The factor on a batch's time that is expected of it, 1 to 4."""
    cause: str
    directive: str
    explained_by: str = ""

    @property
    def is_root(self) -> bool:
        return not self.explained_by


def finding_id(condition: str, worker: str, place: str, since_seconds: float) -> str:
    where = f"{worker}/{place}" if place else worker
    return f"{condition}@{where}+{since_seconds:.0f}"
