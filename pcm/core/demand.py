"""How many workers offered pools shall have: as many as repay their cold start, and no more.

For every context that waits, the present workers and the cheapest coming ones are imagined to
share its work. One more worker is wanted as long as what it is expected to compute before the work
is done, evictions considered, exceeds what its start and its load cost (``Policy.repay``). While
no speed is known, not even from an earlier run of the same task, as many are wanted as there are
batches: asking costs nothing until a worker comes, and those too many are taken back once it is
known.
"""

from __future__ import annotations

import math
from math import ceil
from typing import NamedTuple

from pcm.core.basis import Basis
from pcm.core.commands import Want
from pcm.core.context import Context
from pcm.core.events import Capacity, PoolOffered, PoolState
from pcm.core.repayment import Fleet, expected_seconds
from pcm.core.run import Run
from pcm.core.state import ElasticPool
from pcm.core.worker import Worker, suits


class Candidate(NamedTuple):
    """One more worker of a pool, for one context."""

    pool: str
    speed: float
    """In seconds of work of a mean worker per second."""
    ready_seconds: float
    """Until it would compute."""
    cold_seconds: float
    """What its start and its load would cost."""
    life_seconds: float
    """How long it is expected to stay."""


class Demand:
    def __init__(self, basis: Basis) -> None:
        self._state, self._policy, self._estimates = basis.state, basis.policy, basis.estimates
        self._orders, self._alarms = basis.orders, basis.alarms
        self._looked_at = -math.inf
        self._had_demand = False
        self._looks_again = False

    # -- told ------------------------------------------------------------------------------------

    def offered(self, event: PoolOffered) -> None:
        if not 0 <= event.least <= event.most:
            raise ValueError(f"pool {event.pool} is offered with {event.least} to {event.most}")
        pool = self._state.elastic.get(event.pool)
        if pool is None:
            self._state.pool(event.pool)
            pool = self._state.elastic[event.pool] = ElasticPool(event)
        pool.offer = event
        self._looked_at = -math.inf

    def changed(self, event: PoolState) -> None:
        pool = self._state.elastic.get(event.pool)
        if pool is None:
            raise ValueError(f"pool {event.pool} was not offered")
        pool.coming = event.coming
        if event.wait_seconds is not None:
            pool.wait_seconds = event.wait_seconds

    def joined(self, worker: Worker) -> None:
        pool = self._state.elastic.get(worker.capacity.pool)
        if pool is not None:
            kind = worker.capacity.kind
            pool.kinds[kind] = pool.kinds.get(kind, 0) + 1
            self._looked_at = -math.inf

    def left(self, worker: Worker) -> None:
        if worker.capacity.pool in self._state.elastic:
            self._looked_at = -math.inf

    # -- decided ---------------------------------------------------------------------------------

    def settle(self, now: float) -> bool:
        """Say what is wanted, if it is time to; whether it was."""
        state = self._state
        if not state.elastic:
            return False
        has_demand = bool(state.demand)
        due = self._looked_at + self._policy.look_seconds
        if now < due and has_demand == self._had_demand:
            if self._looks_again:  # An earlier alarm may have gone off in between.
                self._alarms.set(("look", "demand"), due)
            return False
        self._looked_at, self._had_demand = now, has_demand
        added = dict.fromkeys(state.elastic, 0)
        for context in state.demanding_contexts():
            self._add_for(context, added, now)
        for name, pool in state.elastic.items():
            active = state.pool(name).active
            target = min(max(active + added[name], pool.offer.least), pool.offer.most)
            self._want(name, pool, target, now)
        self._looks_again = has_demand or any(state.pool(name).active for name in state.elastic)
        if self._looks_again:
            self._alarms.set(("look", "demand"), now + self._policy.look_seconds)
        return True

    def _want(self, name: str, pool: ElasticPool, target: int, now: float) -> None:
        if target >= pool.wanted or not self._had_demand:
            pool.fewer_since = None
        elif pool.fewer_since is None:
            pool.fewer_since = now
            return
        elif now < pool.fewer_since + self._policy.withdraw_after_seconds:
            return
        if target == pool.wanted:
            return
        reason = f"{len(self._state.demand)} runs wait" if self._had_demand else "nothing waits"
        pool.wanted, pool.fewer_since = target, None
        self._orders.add(Want(name, target, self._orders.cause, reason))

    def _add_for(self, context: Context, added: dict[str, int], now: float) -> None:
        """Count the workers that the context is worth asking for, on top of those ``added``."""
        pools = [
            name
            for name, pool in self._state.elastic.items()
            if suits(pool.offer.offers, context.requirements) and self._room(name, added) > 0
        ]
        if not pools:
            return
        runs = [run for run in context.runs.values() if run.has_demand]
        shares = self._work(runs)
        if shares is None:
            self._add_by_batches(context, runs, pools, added)
            return
        fleet = Fleet(sum(seconds for _, seconds in shares))
        for kind, count in context.serving.items():
            fleet.add(self._speed(shares, {kind: 1}), 0.0, count)
        for worker in self._idle(context):
            load = self._estimates.load_seconds(context, worker.capacity.kind)
            fleet.add(self._speed(shares, {worker.capacity.kind: 1}), load)
        candidates = [self._candidate(name, context, shares, now) for name in pools]
        while candidates:
            best = min(candidates, key=lambda c: fleet.end_seconds(c.speed, c.ready_seconds))
            end = fleet.end_seconds(best.speed, best.ready_seconds)
            useful = expected_seconds(end - best.ready_seconds, best.life_seconds)
            needed = fleet.speed <= 0.0  # Somebody has to do it.
            if useful < self._policy.repay * best.cold_seconds and not needed:
                candidates.remove(best)
                continue
            fleet.add(best.speed, best.ready_seconds)
            added[best.pool] += 1
            if self._room(best.pool, added) <= 0:
                candidates.remove(best)

    def _add_by_batches(
        self, context: Context, runs: list[Run], pools: list[str], added: dict[str, int]
    ) -> None:
        units = sum(ceil(run.items.waiting / (run.opened.batch_items or 1)) for run in runs)
        missing = units - context.size_of() - sum(1 for _ in self._idle(context))
        while missing > 0 and pools:
            for name in list(pools):  # A bit of each: which is fastest is not known.
                if missing <= 0:
                    break
                added[name] += 1
                missing -= 1
                if self._room(name, added) <= 0:
                    pools.remove(name)

    # -- estimated -------------------------------------------------------------------------------

    def _room(self, name: str, added: dict[str, int]) -> int:
        offer = self._state.elastic[name].offer
        return offer.most - self._state.pool(name).active - added[name]

    def _idle(self, context: Context) -> list[Worker]:
        """Workers with nothing to do, which could load the context at once."""
        return [
            self._state.workers[id_]
            for group in self._state.spare.values()
            for id_ in group
            if context.id not in self._state.workers[id_].replicas
            and suits(self._state.workers[id_].capacity, context.requirements)
        ]

    def _work(self, runs: list[Run]) -> list[tuple[Run, float]] | None:
        """What is left of each run, in seconds of its mean worker; None if a speed is unknown."""
        shares = []
        for run in runs:
            mean = self._estimates.expected_speeds(run).total({"": 1})
            if mean <= 0.0:
                return None
            rest = run.items.waiting_cost + run.items.in_flight_cost
            shares.append((run, rest / mean))
        return shares

    def _speed(self, shares: list[tuple[Run, float]], kinds: dict[str, int]) -> float:
        """Of a worker of these kinds on such a mix of runs; the mean worker has 1."""
        total = sum(seconds for _, seconds in shares)
        number = sum(kinds.values())
        if total <= 0.0 or not number:
            return 1.0
        speed = 0.0
        for run, seconds in shares:
            speeds = self._estimates.expected_speeds(run)
            relative = speeds.total(kinds) / speeds.total({"": 1}) / number
            speed += relative * seconds / total
        return speed

    def _candidate(
        self, name: str, context: Context, shares: list[tuple[Run, float]], now: float
    ) -> Candidate:
        pool, policy = self._state.elastic[name], self._policy
        kinds = pool.kinds or {pool.offer.offers.kind: 1}
        likely = max(kinds, key=lambda kind: kinds[kind])
        load = self._estimates.staging_seconds(context)
        load += self._estimates.load_seconds(context, likely)
        cold = policy.worker_start_seconds + load
        wait = policy.wait_seconds if pool.wait_seconds is None else pool.wait_seconds
        life = self._estimates.hazards.life_seconds_of(Capacity(kind=likely), now)
        return Candidate(name, self._speed(shares, kinds), wait + cold, cold, life)
