"""How large a batch is.

A long batch spreads its overhead over more work; a short one loses less when its worker is taken
away. With overhead *o* per batch and a mean time *m* between evictions, the loss per second is
o/t + t/(2m) for batches of t seconds, least at t = sqrt(2 o m) (Young 1974, Daly 2006, there for
checkpoints). Towards the end of a run no batch may take more than a part of its worker's fair
share of what waits (guided self-scheduling, Polychronopoulos and Kuck 1987), so that all workers
end together. While a kind's speed is unknown, batches start small and grow by a factor.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import NamedTuple

from pcm.core.basis import Basis
from pcm.core.run import Run
from pcm.core.worker import Worker


class Size(NamedTuple):
    """Bounds of a batch; both hold."""

    items_max: int
    cost_max: float


class Batching:
    def __init__(self, basis: Basis) -> None:
        self._state, self._policy = basis.state, basis.policy
        self._estimates = basis.estimates

    def target_seconds(self, worker: Worker, now: float) -> float:
        """By how long such a worker is expected to stay."""
        policy, estimates = self._policy, self._estimates
        life_seconds = estimates.hazards.life_seconds_of(worker.capacity, now)
        best = sqrt(2.0 * estimates.overhead_seconds * life_seconds)
        return min(max(best, policy.batch_seconds_min), policy.batch_seconds_max)

    def size(self, run: Run, worker: Worker, now: float) -> Size:
        items_max, cost_max = self._wanted(run, worker, now)
        return Size(min(items_max, run.batch_items_max or items_max), cost_max)

    def _wanted(self, run: Run, worker: Worker, now: float) -> Size:
        policy = self._policy
        if run.opened.batch_items is not None:
            return Size(max(1, run.opened.batch_items), inf)
        seconds_per_cost = self._estimates.speeds(run).on(worker)
        if seconds_per_cost is None:
            return Size(policy.first_batch_items, inf)
        cost = min(self.target_seconds(worker, now), worker.stays_seconds(now)) / seconds_per_cost
        cost = min(cost, policy.batch_growth * run.largest_cost.get(worker.capacity.kind, inf))
        serving = self._state.contexts[run.context].serving
        if sum(serving.values()) > 1:
            speed = 1.0 / seconds_per_cost
            total = max(self._estimates.speeds(run).total(serving), speed)
            share = policy.tail_share * run.items.waiting_cost * speed / total
            # Below this, a batch would cost more than it does.
            worthwhile = 2.0 * self._estimates.overhead_seconds / seconds_per_cost
            cost = min(cost, max(share, worthwhile))
        return Size(policy.batch_items_max, cost)
