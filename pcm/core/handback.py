"""Workers of offered pools that have nothing to do are handed back: cold ones soon, warm ones last.

Their machines belong to others. One that holds a context is worth waiting for a little longer: the
next run may need it, and its cold start is paid. It is kept idle for as long as that took: whoever
knew when the next work comes would keep it or hand it back at once, and this never costs more than
twice what he would have paid (the break-even rule of ski rental: Karlin et al. 1988, "Competitive
snoopy caching").
"""

from __future__ import annotations

import math
from collections.abc import Callable

from pcm.core.basis import Basis
from pcm.core.commands import Retire
from pcm.core.worker import Worker


class Handback:
    def __init__(self, basis: Basis, set_aside: Callable[[Worker, str], None]) -> None:
        """``set_aside(worker, why)``: nothing more is to be sent to it."""
        self._state, self._policy, self._estimates = basis.state, basis.policy, basis.estimates
        self._orders, self._alarms = basis.orders, basis.alarms
        self._set_aside = set_aside
        self._idle_since: dict[str, float] = {}
        self.due = math.inf
        """When somebody's time is over, if nothing changes before."""

    def settle(self, now: float) -> None:
        """Retire those whose time is over."""
        state = self._state
        idle = [
            state.workers[id_]
            for group in state.spare.values()
            for id_ in group
            if state.workers[id_].capacity.pool in state.elastic
        ]
        self.due = math.inf
        since = self._idle_since
        self._idle_since = {worker.id: since.get(worker.id, now) for worker in idle}
        idle.sort(key=lambda worker: (bool(worker.replicas), self._idle_since[worker.id]))
        for worker in idle:
            pool = worker.capacity.pool
            if state.pool(pool).active <= state.elastic[pool].offer.least:
                continue
            due = self._idle_since[worker.id] + self._patience_seconds(worker)
            if now < due:
                self.due = min(self.due, due)
                self._alarms.set(("look", "idle"), due)
                continue
            del self._idle_since[worker.id]
            reason = f"it had nothing to do for {self._patience_seconds(worker):.3g} s"
            self._orders.add(Retire(worker.id, self._orders.cause, reason))
            self._set_aside(worker, reason)

    def _patience_seconds(self, worker: Worker) -> float:
        policy = self._policy
        loads = [
            self._estimates.load_seconds(self._state.contexts[id_], worker.capacity.kind)
            for id_ in worker.replicas
        ]
        if not loads:
            return policy.idle_cold_seconds
        cold_seconds = policy.worker_start_seconds + max(loads)
        return min(max(cold_seconds, policy.idle_cold_seconds), policy.idle_seconds_max)
