"""Offered pools of a cluster: a queue in which wanted workers wait before they start."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pcm.core.events import Capacity, PoolOffered, PoolState

if TYPE_CHECKING:
    from tests.core.cluster import Cluster


class OfferedPools:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.queued: Counter[str] = Counter()
        """By pool: workers that were wanted and have not joined."""

    def offer(self, pool: str, most: int, *, kind: str = "", least: int = 0) -> None:
        self._cluster.tell(PoolOffered(pool, most, Capacity(kind=kind, pool=pool), least))

    def evict(self, worker: str, grace_seconds: float, back_seconds: float) -> None:
        """As a batch system does: a notice, and its job is queued again."""
        pool = self._cluster.machines[worker].capacity.pool
        self._cluster.notice(worker, grace_seconds)
        self.queued[pool] += 1
        self._cluster.after(grace_seconds + back_seconds, lambda: self._come(pool))

    def want(self, pool: str, workers: int) -> None:
        """There shall be so many in all; only those that wait are taken back."""
        cluster = self._cluster
        there = sum(m.capacity.pool == pool for m in cluster.machines.values())
        missing = workers - there - self.queued[pool]
        self.queued[pool] = max(0, self.queued[pool] + missing)
        for _ in range(missing):
            cluster.after(cluster.start_seconds, lambda: self._come(pool))
        cluster.after(0.0, lambda: self._tell(pool))

    def _come(self, pool: str) -> None:
        if self.queued[pool]:  # Else it was taken back.
            self.queued[pool] -= 1
            self._cluster.start(pool)
            self._tell(pool)

    def _tell(self, pool: str) -> None:
        cluster = self._cluster
        cluster.tell(PoolState(pool, self.queued[pool], cluster.start_seconds))
