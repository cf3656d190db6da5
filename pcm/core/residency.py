"""Which context is loaded where, and which is given up for it.

A worker that has nothing to do loads a context if that is expected to pay: if the workers that
have it, or are about to, would still be busy with what waits when the load is done and an item is
computed. When all of them are late, each is held to need as long again as the one that is least so.
Where several contexts want workers, each is entitled to an equal share; a context below
its share is loaded beside another where both fit, else a worker of the one that has most is
reserved for it, which finishes what it was given before it changes over. With fewer workers than
contexts they take turns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import ceil, inf

from pcm.core.ahead import Ahead
from pcm.core.basis import Basis
from pcm.core.busy import Busy
from pcm.core.commands import Evict, Load, Offload
from pcm.core.context import Context
from pcm.core.faults import Faults
from pcm.core.giving_up import GivingUp
from pcm.core.host_tier import HostTier
from pcm.core.leases import Leases
from pcm.core.speculation import SHORTEST_LOOK_SECONDS
from pcm.core.worker import Worker, suits

LOOKED_AT = 64


class Residency:
    def __init__(
        self, basis: Basis, leases: Leases, faults: Faults, giving_up: GivingUp, ahead: Ahead
    ) -> None:
        self._state, self._policy, self._estimates = basis.state, basis.policy, basis.estimates
        self._lifecycle, self._orders, self._alarms = basis.lifecycle, basis.orders, basis.alarms
        self._leases, self._faults, self._giving_up = leases, faults, giving_up
        self._host_tier = HostTier(basis)
        self._ahead, self._busy = ahead, Busy(basis)

    def settle(self, now: float) -> None:
        """Order the loads and evictions that pay now; fail what can never be loaded."""
        state = self._state
        if not state.demand:
            self._ahead.settle([], now)
            return
        contexts = state.demanding_contexts()
        if len(contexts) == 1 and contexts[0].warm and not state.spare:
            self._ahead.settle(contexts, now)
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
        self._ahead.settle(contexts, now)
        for context in contexts:
            if not context.size_of():
                self._faults.give_up_if_hopeless(context, now)

    def change_over(self, now: float) -> None:
        """See to the workers that are reserved: load, if they are free, or let them go."""
        for id_ in list(self._state.reserved):
            self._change_over(self._state.workers[id_], now)

    # -- does it pay? ----------------------------------------------------------------------------

    def _reason_to_load(self, context: Context, load_seconds: float, now: float) -> str | None:
        """Why one more worker, on which it takes so long, should load the context, or None."""
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
        serving = context.serving
        if context.reserved:
            reserved = (self._state.workers[id_].capacity.kind for id_ in context.reserved)
            serving = Counter(reserved) + Counter(serving)
        backlog_seconds = self._estimates.backlog_seconds(context, serving)
        if backlog_seconds is None:
            return f"{units} batches wait for {coming} coming workers, speed unknown"
        workers = sum(serving.values())
        item_seconds = backlog_seconds * workers / items
        last_end = None if context.loading else self._busy.last_end(context)
        late_seconds = 0.0 if last_end is None else max(0.0, now - last_end)
        least_seconds = load_seconds + item_seconds
        if backlog_seconds + late_seconds <= least_seconds:
            if last_end is not None:
                due = max(now, last_end) + least_seconds - backlog_seconds - late_seconds
                self._alarms.set(("look", context.id), due + SHORTEST_LOOK_SECONDS)
            return None
        late = f", all who have it are {late_seconds:.1f} s late" if late_seconds else ""
        return f"{backlog_seconds:.1f} s of work wait{late}, a load takes {load_seconds:.1f} s"

    # -- idle workers ----------------------------------------------------------------------------

    def _load_on_spare(self, context: Context, now: float) -> bool:
        """Order one load on a worker with nothing to do, where it pays."""
        state = self._state
        for id_ in context.parked:
            worker = state.workers[id_]
            if id_ in state.spare.get(worker.signature, {}) and not context.excluded(id_, now):
                return_seconds = self._estimates.warm_seconds(context, worker)
                reason = self._reason_to_load(context, return_seconds, now)
                room = self._giving_up.victims(worker, context, claim=False) is not None
                if reason is not None and room:
                    self._bring(worker, context, reason, now)
                    return True
        for group in list(state.spare.values()):
            capacity = state.workers[next(iter(group))].capacity
            if not suits(capacity, context.requirements):
                continue
            load_seconds = self._estimates.load_seconds(context, capacity.kind)
            reason = self._reason_to_load(context, load_seconds, now)
            if reason is None:
                continue
            chosen = self._least_to_give_up(context, group, now)
            if chosen is not None:
                self._bring(chosen, context, reason, now)
                return True
        return False

    def _least_to_give_up(
        self, context: Context, among: Iterable[str], now: float
    ) -> Worker | None:
        """The worker that has room, or else gives up what is cheapest to do without."""
        best, least, looked_at = None, (inf, 0), 0
        for id_ in among:
            worker = self._state.workers[id_]
            if context.id in worker.replicas or context.excluded(id_, now):
                continue
            victims = self._giving_up.victims(worker, context, claim=False)
            if victims is None:
                continue
            worth = self._giving_up.worth(worker, victims)
            if worth < least:
                best, least = worker, worth
            looked_at += 1
            if not victims or looked_at >= LOOKED_AT:
                break
        return best

    def _bring(self, worker: Worker, context: Context, reason: str, now: float) -> None:
        """Load the context, after what has to go for it is gone."""
        victims = self._giving_up.victims(worker, context, claim=True) or []
        if victims:
            self._make_room(worker, context, victims, now)
            self._state.reserve(worker, context)
        else:
            if worker.is_parked(context.id):
                reason += "; it is parked there"
            self._lifecycle.replica(worker, context, "loading", now)
            self._orders.add(Load(worker.id, context.id, self._orders.cause, reason=reason))
        self._leases.watch_replicas(worker, now)

    def _make_room(
        self, worker: Worker, context: Context, victims: list[Context], now: float
    ) -> None:
        parting = self._host_tier.part(
            worker, victims, context, self._giving_up.missing_bytes(worker, context)
        )
        for victim in parting.dropped + parting.parked:
            why = f"to make room for {context.name}: {self._giving_up.why(worker, victim)}"
            self._giving_up.gave_up(worker, victim)
            if victim in parting.parked:
                self._lifecycle.replica(worker, victim, "offloading", now)
                self._orders.add(Offload(worker.id, victim.id, self._orders.cause, why))
            else:
                self._lifecycle.replica(worker, victim, "draining", now)
                self._orders.add(Evict(worker.id, victim.id, self._orders.cause, why))

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
                    and worker.can_load(context.id)
                    and not context.excluded(id_, now)
                    and suits(worker.capacity, context.requirements)
                    and self._claim(worker, context, other, share, now)
                ):
                    return

    def _claim(
        self, worker: Worker, context: Context, other: Context, share: int, now: float
    ) -> bool:
        load_seconds = self._estimates.warm_seconds(context, worker)
        reason = self._reason_to_load(context, load_seconds, now)
        if reason is None:
            return False
        if self._giving_up.victims(worker, context, claim=False) == []:
            self._bring(worker, context, reason, now)
            return True
        turn = max(self._policy.turn_seconds, self._policy.turn_loads * load_seconds)
        if other.size_of() <= max(share, 1):
            if context.starved_since is None:
                return False
            begins = max(context.starved_since, worker.replicas[other.id].since) + turn
            if now < begins:
                self._ahead.bring(worker, context, begins - now, "its turn is about to come", now)
                return False
        self._ahead.bring(worker, context, 0.0, "the worker is reserved for it", now)
        self._state.reserve(worker, context)
        self._change_over(worker, now)
        return True

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
                worker.can_load(context.id)
                and not context.excluded(worker.id, now)
                and self._giving_up.victims(worker, context, claim=True) is not None
            ):
                self._bring(worker, context, "reserved for it", now)


def _least_first(contexts: list[Context]) -> list[Context]:
    return sorted(contexts, key=lambda context: context.size_of())
