"""What a worker is given of a run: suspects, a dear item, or what is next on the lane.

Nothing valuable goes where an eviction is near. No item is begun that is predicted to take longer
than its worker is known to stay, unless it is that worker's first; and a dear item, which cannot be
saved in parts, is not begun where workers are taken away several times as often as elsewhere and
it would take a good part of the time that they last.
"""

from __future__ import annotations

from math import inf, isinf

from pcm.core.basis import Basis
from pcm.core.batching import Batching
from pcm.core.busy import Busy
from pcm.core.items import Cut
from pcm.core.quarantine import Quarantine
from pcm.core.run import Run
from pcm.core.worker import Worker


class Cutting:
    def __init__(
        self, basis: Basis, batching: Batching, quarantine: Quarantine, busy: Busy
    ) -> None:
        self._state, self._policy, self._estimates = basis.state, basis.policy, basis.estimates
        self._alarms = basis.alarms
        self._batching, self._quarantine, self._busy = batching, quarantine, busy

    def cut(self, run: Run, worker: Worker, now: float) -> Cut | None:
        """Take a batch for this worker off the run's lanes; suspects first on a replica that is
        proven, last on one that is not."""
        items_max, cost_max = self._batching.size(run, worker, now)
        trials = run.suspects.waiting
        proven = not worker.deaths.get(run.context)
        if trials and proven:
            cut = self._quarantine.take(run, worker, items_max, cost_max, proven=True)
            if cut is not None:
                return cut
        ends_max = self._first_max(run, worker, now)
        # Its first item may be any, or one that is too dear for all would never be tried.
        first_max = ends_max if worker.finished else inf
        cut = (
            self._take_dear(run, worker, ends_max, now)
            or run.items.take(run.items.lane, items_max, cost_max, first_max)
            or self._take_last_dear(run, worker, first_max, now)
        )
        if cut is None and trials and not proven:
            cut = self._quarantine.take(run, worker, items_max, cost_max, proven=False)
        return cut

    def _first_max(self, run: Run, worker: Worker, now: float) -> float:
        """No item that costs more is to be begun, since its worker will be gone."""
        stays_seconds = worker.stays_seconds(now)
        seconds_per_cost = self._estimates.speeds(run).on(worker)
        if isinf(stays_seconds) or seconds_per_cost is None or not self._policy.heed_ends:
            return inf
        self._alarms.set(("look", worker.id), worker.leaves_at)
        return stays_seconds / seconds_per_cost

    def _risk_max(self, worker: Worker, seconds_per_cost: float, now: float) -> float:
        """No item that costs more is to be begun where evictions are so frequent."""
        hazards = self._estimates.hazards
        life_seconds = hazards.life_seconds_of(worker.capacity, now)
        if life_seconds * self._policy.riskier > hazards.best_life_seconds(now):
            return inf
        return self._policy.risk_max * life_seconds / seconds_per_cost

    def _take_dear(self, run: Run, worker: Worker, first_max: float, now: float) -> Cut | None:
        """The dearest item that this worker can do before all that waits is done."""
        items, speeds = run.items, self._estimates.speeds(run)
        seconds_per_cost = speeds.on(worker) if items.dear else None
        if seconds_per_cost is None:
            return None
        total = speeds.total(self._state.contexts[run.context].serving)
        in_time = items.waiting_cost / (total * seconds_per_cost)
        safe = self._risk_max(worker, seconds_per_cost, now)
        return items.take_dearest(min(in_time, safe, first_max))

    def _take_last_dear(self, run: Run, worker: Worker, first_max: float, now: float) -> Cut | None:
        """Where nothing else waits: the dearest that no busy worker is predicted to end sooner.
        What is left then is left to those."""
        items, speeds = run.items, self._estimates.speeds(run)
        seconds_per_cost = speeds.on(worker) if items.dear else None
        if seconds_per_cost is None:
            return items.take_dearest()
        # Of a rival that is free in f and needs r per cost, sooner is what costs c where
        # c * seconds_per_cost <= f + c * r.
        cost_max = first_max
        for rival in self._busy.soonest_free(self._state.contexts[run.context]):
            theirs = speeds.on(rival)
            if rival is not worker and theirs is not None and theirs < seconds_per_cost:
                cost_max = min(cost_max, rival.free_in(now) / (seconds_per_cost - theirs))
        cut = items.take_dearest(cost_max)
        if cut is None and items.dear:
            # Should they not keep what they promise, look again.
            self._alarms.set(("look", run.id), now + self._policy.watch_seconds)
        return cut
