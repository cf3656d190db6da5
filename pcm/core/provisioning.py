"""How many workers there are: as many as the user wants, replaced when they go.

A worker that is about to go is replaced at once. Starts that fail again and again are spaced out,
and after a few of them in a row the runs are told why.
"""

from __future__ import annotations

from collections.abc import Callable

from pcm.core.basis import Basis
from pcm.core.commands import Provision, Retire
from pcm.core.events import LeaveCause, PoolSized, ProvisionFailed
from pcm.core.state import Pool
from pcm.core.worker import Worker

DRAINED = "drained by its user"


class Provisioning:
    def __init__(self, basis: Basis, fail_runs: Callable[[str], None]) -> None:
        """``fail_runs(error)`` ends every open run."""
        self._state, self._policy, self._orders = basis.state, basis.policy, basis.orders
        self._fail_runs = fail_runs

    def size(self, event: PoolSized) -> None:
        pool = self._state.pool(event.pool)
        if event.workers < 0:
            raise ValueError(f"pool {event.pool} cannot have {event.workers} workers")
        pool.wanted = event.workers
        self._start_afresh(pool)

    def run_opened(self) -> None:
        """A new run deserves new attempts."""
        for pool in self._state.pools.values():
            if pool.halted:
                self._start_afresh(pool)

    def joined(self, worker: Worker) -> None:
        pool = self._state.pool_of(worker)
        pool.active += 1
        pool.pending = max(0, pool.pending - 1)
        self._adjust(pool)

    def withdraw(self, worker: Worker, why: str) -> None:
        """Nothing more is sent to a worker that goes or is about to; it is replaced now."""
        if worker.available:
            self.set_aside(worker, why)
            self._adjust(self._state.pool_of(worker))

    def condemn(self, worker: Worker, why: str) -> None:
        """Have it go, after what it runs, and replace it; the last one of its kind is kept."""
        state = self._state
        others = (id_ for group in state.groups.values() for id_ in group if id_ != worker.id)
        alike = any(state.workers[id_].capacity.kind == worker.capacity.kind for id_ in others)
        if worker.available and alike:
            self._orders.add(Retire(worker.id, self._orders.cause, why))
            self.withdraw(worker, why)

    def drain(self, worker: Worker) -> None:
        """Let it go at its user's wish, after what it was given, and replace it."""
        if worker.available:
            self._state.drained[worker.id] = None
            self.withdraw(worker, DRAINED)

    def retire_drained(self) -> None:
        """Those that have ended what they were given."""
        for id_ in list(self._state.drained):
            if not self._state.workers[id_].live:
                del self._state.drained[id_]
                self._orders.add(Retire(id_, self._orders.cause, DRAINED))

    def set_aside(self, worker: Worker, why: str) -> None:
        """Nothing more is sent to it."""
        worker.available, worker.going = False, why
        self._state.release(worker)
        self._state.index_replicas(worker)
        self._state.pool_of(worker).active -= 1

    def left(self, worker: Worker, cause: LeaveCause, detail: str, now: float) -> None:
        """Call before ``withdraw``, so that its replacement waits where it should."""
        if cause == "retired" or worker.finished:
            return
        if cause == "refused" or now - worker.joined_at < self._policy.short_life_seconds:
            reason = f"worker {worker.id} was {cause}" + (f": {detail}" if detail else "")
            self._failed_start(self._state.pool_of(worker), reason, taken=cause == "evicted")

    def failed(self, event: ProvisionFailed) -> None:
        pool = self._state.pool(event.pool)
        if pool.name in self._state.elastic:
            self._offer_failed(pool, event)
            return
        pool.pending = max(0, pool.pending - event.workers)
        if event.permanent:
            self._settle_for_less(pool, event)
        else:
            self._failed_start(pool, event.error)
        self._adjust(pool)

    def _offer_failed(self, pool: Pool, event: ProvisionFailed) -> None:
        """Who asks for workers of an offered pool goes on by himself, unless that is of no use."""
        state = self._state
        if not event.permanent:
            self._failed_start(pool, event.error)
            return
        others = any(other.coming for name, other in state.elastic.items() if name != pool.name)
        if not (
            others or any(state.groups.values()) or any(p.wanted for p in state.pools.values())
        ):
            self._fail_runs(f"pool {pool.name} can have no workers: {event.error}")

    def _settle_for_less(self, pool: Pool, event: ProvisionFailed) -> None:
        """More workers than the pool can have are not asked for, until somebody sizes it anew."""
        possible = (pool.wanted or 0) - event.workers
        if possible > 0 or any(self._state.groups.values()):
            pool.wanted = max(0, possible)
        else:
            pool.halted = True
            self._fail_runs(f"pool {pool.name} can have no workers: {event.error}")

    def succeeded(self, worker: Worker) -> None:
        """It has finished an item."""
        pool = self._state.pool_of(worker)
        pool.short_stays = pool.failed_starts = 0

    def give_up_if_hopeless(self, now: float) -> None:
        """Fail the runs where starts keep failing and there is nobody to go on with."""
        for pool in self._state.pools.values():
            if pool.halted or pool.failed_starts < self._policy.start_failures:
                continue
            # Of thousands that come at once, some are taken before anyone could finish anything.
            patient = pool.failed_starts < max(4 * self._policy.start_failures, pool.active)
            if any(
                patient or self._lasts(id_, now)
                for group in self._state.groups.values()
                for id_ in group
            ):
                continue
            pool.halted = True
            self._fail_runs(
                f"workers of pool {pool.name} do not come up "
                f"({pool.failed_starts} failed starts in a row): {pool.last_reason}"
            )

    def _lasts(self, worker_id: str, now: float) -> bool:
        worker = self._state.workers[worker_id]
        return worker.finished > 0 or now - worker.joined_at >= self._policy.short_life_seconds

    def _failed_start(self, pool: Pool, reason: str, *, taken: bool = False) -> None:
        pool.short_stays += 1
        if not taken:
            pool.failed_starts += 1
            pool.last_reason = reason

    def _start_afresh(self, pool: Pool) -> None:
        pool.short_stays, pool.failed_starts, pool.halted = 0, 0, False
        self._adjust(pool)

    def _adjust(self, pool: Pool) -> None:
        if pool.wanted is None:
            return
        missing = pool.wanted - pool.active - pool.pending
        if missing > 0 and not pool.halted:
            pool.pending += missing
            self._orders.add(
                Provision(pool.name, missing, self._orders.cause, self._backoff_seconds(pool))
            )
        extra = pool.active - pool.wanted
        if extra > 0:
            for worker in self._least_useful(pool, extra):
                reason = f"pool {pool.name} is to have {pool.wanted} workers"
                self._orders.add(Retire(worker.id, self._orders.cause, reason))
                self.set_aside(worker, reason)

    def _backoff_seconds(self, pool: Pool) -> float:
        if not pool.short_stays:
            return 0.0
        policy = self._policy
        wait = policy.start_backoff_seconds * 2.0 ** min(pool.short_stays - 1, 30)
        return min(wait, policy.start_backoff_seconds_max)

    def _least_useful(self, pool: Pool, number: int) -> list[Worker]:
        """Idle before busy, cold before warm, the youngest first."""
        workers = [
            self._state.workers[id_]
            for group in self._state.groups.values()
            for id_ in group
            if self._state.workers[id_].capacity.pool == pool.name
        ]
        workers.sort(key=lambda w: (w.live > 0, bool(w.replicas), -w.order))
        return workers[:number]
