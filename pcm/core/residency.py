"""Which context is loaded where, and which is given up for it.

A worker that has nothing to do loads a context if that is expected to pay: if the workers that
have it, or are about to, would still be busy with what waits when the load is done and an item is
computed. Where several contexts want workers, each is entitled to an equal share; a context below
its share is loaded beside another where both fit, else a worker of the one that has most is
reserved for it, which finishes what it was given before it changes over. With fewer workers than
contexts they take turns.
"""

from __future__ import annotations

from math import ceil

from pcm.core.basis import Basis
from pcm.core.commands import Evict, Load
from pcm.core.context import Context
from pcm.core.faults import Faults
from pcm.core.leases import Leases
from pcm.core.worker import Worker, suits

LOOKED_AT = 64


class Residency:
    def __init__(self, basis: Basis, leases: Leases, faults: Faults) -> None:
        self._state, self._policy, self._estimates = basis.state, basis.policy, basis.estimates
        self._lifecycle, self._orders = basis.lifecycle, basis.orders
        self._leases, self._faults = leases, faults

    def settle(self, now: float) -> None:
        """Order the loads and evictions that pay now; fail what can never be loaded."""
        state = self._state
        if not state.demand:
            return
        contexts = state.demanding_contexts()
        if len(contexts) == 1 and contexts[0].warm and not state.spare:
            return
        for context in contexts:
            if context.size_of():
                context.starved_since = None
            elif context.starved_since is None:
                context.starved_since = now
        while state.spare and any(self._load_on_spare(c, now) for c in _least_first(contexts)):
            pass
        for context in _least_first(contexts):
            self._claim_share(context, len(contexts), now)
        for context in contexts:
            if not context.size_of():
                self._faults.give_up_if_hopeless(context, now)

    def change_over(self, now: float) -> None:
        """See to the workers that are reserved: load, if they are free, or let them go."""
        for id_ in list(self._state.reserved):
            self._change_over(self._state.workers[id_], now)

    # -- does it pay? ----------------------------------------------------------------------------

    def _reason_to_load(self, context: Context, kind: str) -> str | None:
        """Why one more worker of this kind should load the context, or None."""
        if not context.size_of():
            return "no worker has it"
        units, items, cost = 0, 0, 0.0
        for run in context.runs.values():
            if run.has_demand:
                units += ceil(run.items.waiting / (run.opened.batch_items or 1))
                items += run.items.waiting
                cost += run.items.waiting_cost
        coming = len(context.loading) + len(context.reserved)
        if units <= coming:
            return None
        backlog_seconds = self._estimates.backlog_seconds(context)
        if backlog_seconds is None:
            return f"{units} batches wait for {coming} coming workers, speed unknown"
        load_seconds = self._estimates.load_seconds(context, kind)
        workers = sum(context.serving.values())
        item_seconds = backlog_seconds * workers / items
        if backlog_seconds <= load_seconds + item_seconds:
            return None
        return f"{backlog_seconds:.1f} s of work wait, a load takes {load_seconds:.1f} s"

    # -- idle workers ----------------------------------------------------------------------------

    def _load_on_spare(self, context: Context, now: float) -> bool:
        """Order one load on a worker with nothing to do, where it pays."""
        state = self._state
        for group in list(state.spare.values()):
            capacity = state.workers[next(iter(group))].capacity
            if not suits(capacity, context.requirements):
                continue
            reason = self._reason_to_load(context, capacity.kind)
            if reason is None:
                continue
            fallback: Worker | None = None
            for id_ in group:
                worker = state.workers[id_]
                if context.id in worker.replicas or context.excluded(id_, now):
                    continue
                victims = self._victims(worker, context, claim=False)
                if victims == []:
                    self._bring(worker, context, reason, now)
                    return True
                if victims is not None and fallback is None:
                    fallback = worker
            if fallback is not None:
                self._bring(fallback, context, reason, now)
                return True
        return False

    def _victims(self, worker: Worker, context: Context, *, claim: bool) -> list[Context] | None:
        """The contexts to give up so that this one fits; None if it cannot be.

        Those that no run needs go first, then those without waiting work, then the quickest to
        load again. One with waiting work goes only to a ``claim``.
        """
        if not worker.memory_bytes:
            return []
        needed = min(context.needs_on(worker.capacity), worker.memory_bytes)
        missing = needed - worker.free_memory_bytes()
        if missing <= 0:
            return []
        kind = worker.capacity.kind
        candidates = []
        for id_, replica in worker.replicas.items():
            other = self._state.contexts[id_]
            wanted = any(run.has_demand for run in other.runs.values())
            if replica.status == "warm" and id_ not in worker.queues and (claim or not wanted):
                seconds = self._estimates.load_seconds(other, kind)
                rank = (bool(other.runs), wanted, seconds, other.order)
                candidates.append((rank, other, replica.memory_bytes))
        candidates.sort(key=lambda candidate: candidate[0])
        victims = []
        for _, other, memory_bytes in candidates:
            if missing <= 0:
                break
            if memory_bytes:
                victims.append(other)
                missing -= memory_bytes
        return victims if missing <= 0 else None

    def _bring(self, worker: Worker, context: Context, reason: str, now: float) -> None:
        """Load the context, after what has to go for it is gone."""
        victims = self._victims(worker, context, claim=True) or []
        for victim in victims:
            self._lifecycle.replica(worker, victim, "draining", now)
            self._orders.add(
                Evict(worker.id, victim.id, self._orders.cause, f"to make room for {context.name}")
            )
        if victims:
            self._state.reserve(worker, context)
        else:
            self._lifecycle.replica(worker, context, "loading", now)
            self._orders.add(Load(worker.id, context.id, self._orders.cause, reason=reason))
        self._leases.watch_replicas(worker, now)

    # -- shares ----------------------------------------------------------------------------------

    def _claim_share(self, context: Context, claimants: int, now: float) -> None:
        """Get the context one more worker from others, if it has less than its share."""
        state = self._state
        hosts = sum(
            len(group)
            for group in state.groups.values()
            if suits(state.workers[next(iter(group))].capacity, context.requirements)
        )
        share, size = hosts // claimants, context.size_of()
        if size >= max(1, share) or not hosts:
            return
        for other in sorted(state.contexts.values(), key=lambda c: -c.size_of()):
            if other is context:
                continue
            for id_ in list(other.warm)[:LOOKED_AT]:
                worker = state.workers[id_]
                if (
                    worker.reserved is None
                    and not worker.unsettled
                    and context.id not in worker.replicas
                    and not context.excluded(id_, now)
                    and suits(worker.capacity, context.requirements)
                    and self._claim(worker, context, other, share, now)
                ):
                    return

    def _claim(
        self, worker: Worker, context: Context, other: Context, share: int, now: float
    ) -> bool:
        reason = self._reason_to_load(context, worker.capacity.kind)
        if reason is None:
            return False
        if self._victims(worker, context, claim=False) == []:
            self._bring(worker, context, reason, now)
            return True
        turn = self._policy.turn_seconds
        its_turn = (
            context.starved_since is not None
            and context.starved_since + turn <= now
            and worker.replicas[other.id].since + turn <= now
        )
        if other.size_of() > max(share, 1) or its_turn:
            self._state.reserve(worker, context)
            self._change_over(worker, now)
            return True
        return False

    def _change_over(self, worker: Worker, now: float) -> None:
        """Bring to a reserved worker what it is reserved for, once it is free; or let it go."""
        assert worker.reserved is not None
        context = self._state.contexts[worker.reserved]
        if worker.unsettled:
            return
        if context.id not in {run.context for run in self._state.demand.values()}:
            self._state.release(worker)
        elif worker.live == 0:
            self._state.release(worker)
            if (
                context.id not in worker.replicas
                and not context.excluded(worker.id, now)
                and self._victims(worker, context, claim=True) is not None
            ):
                self._bring(worker, context, "reserved for it", now)


def _least_first(contexts: list[Context]) -> list[Context]:
    return sorted(contexts, key=lambda context: context.size_of())
