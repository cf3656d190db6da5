"""What was done to a cluster: the root condition, where, and when."""

from __future__ import annotations

from typing import Literal, NamedTuple

Intensity = Literal["weak", "moderate", "strong"]
INTENSITIES: tuple[Intensity, ...] = ("weak", "moderate", "strong")
CONDITIONS = (
    *(f"NS{number}" for number in range(1, 10)),
    *(f"PC{number}" for number in range(1, 11)),
    *(f"EW{number}" for number in range(1, 10)),
)


class Truth(NamedTuple):
    """``from_seconds`` and ``until_seconds`` are by the manager's clock."""

    condition: str
    worker: str
    place: str
    from_seconds: float
    until_seconds: float
    also: frozenset[str] = frozenset()
    """Other workers where the same thing may rightly be found: the other end of a link, the other
    stages of a pipeline, all that a congested switch joins."""
