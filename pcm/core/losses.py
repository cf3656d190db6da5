"""How likely it is that a worker was lost by itself, and not by what it ran.

Owners take machines back in waves: a dozen workers of one kind go within a minute, whatever they
run. An item that was in flight on one of them after the other is not to be taken for a killer. So
each loss of a worker is weighed by its chance: that of such a worker to be lost within the time
that the batch had run (see ``pcm.core.hazards``); or, if that is greater, the part of all workers
that has been lost within the last minute. Workers that were lost while they held a trial of a
suspect alone say nothing about the others and are left out.
"""

from __future__ import annotations

from collections import deque
from math import exp

from pcm.core.basis import Basis
from pcm.core.worker import Worker


class Losses:
    def __init__(self, basis: Basis) -> None:
        self._state, self._policy, self._estimates = basis.state, basis.policy, basis.estimates
        self._recent: deque[float] = deque()

    def note(self, now: float) -> None:
        """A worker is gone that nobody had sent away, and no suspect explains it."""
        self._recent.append(now)

    def chance(self, worker: Worker, seconds: float, now: float) -> float:
        """Of the worker's being lost by itself within so long. Call before its loss is noted."""
        while self._recent and self._recent[0] < now - self._policy.wave_seconds:
            self._recent.popleft()
        life_seconds = self._estimates.hazards.life_seconds_of(worker.capacity, now)
        by_rate = 1.0 - exp(-seconds / life_seconds)
        there = len(self._state.workers) + len(self._recent)
        return max(by_rate, len(self._recent) / there if there else 0.0)
