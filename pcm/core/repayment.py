"""Whether one more worker would repay its cold start before the work is done."""

from __future__ import annotations

import math


class Fleet:
    """Workers that share a piece of work, each from when it is ready until all is done.

    Work is divided as it is done, so all end together: at the time T for which the sum over the
    workers of speed * (T - ready) is the work.
    """

    def __init__(self, work: float) -> None:
        """``work`` in any unit; speeds are in that unit per second."""
        self.work = work
        self.speed = 0.0
        self._missed = 0.0
        """What the workers would have done before they are ready."""

    def add(self, speed: float, ready_seconds: float = 0.0, count: int = 1) -> None:
        self.speed += count * speed
        self._missed += count * speed * ready_seconds

    def end_seconds(self, speed: float = 0.0, ready_seconds: float = 0.0) -> float:
        """When the work is done, if one more such worker were there; infinite without any."""
        total = self.speed + speed
        if total <= 0.0:
            return math.inf
        return (self.work + self._missed + speed * ready_seconds) / total


def expected_seconds(stretch_seconds: float, eviction_seconds: float) -> float:
    """How long a worker is expected to last of a stretch, if evictions come as a Poisson process
    with this mean time between them: the mean of an exponential that is cut off."""
    if stretch_seconds <= 0.0:
        return 0.0
    return -eviction_seconds * math.expm1(-stretch_seconds / eviction_seconds)
