"""A clock that is off and drifts, as a function of one that is right."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Skewed:
    """``offset_seconds`` ahead when it is made, and fast by ``drift`` seconds per second."""

    offset_seconds: float
    drift: float
    since: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.shows(time.time())

    def shows(self, seconds: float) -> float:
        """At that moment of the right clock."""
        return seconds + self.offset_seconds + self.drift * (seconds - self.since)
