"""Where a batch goes: to the worker with its context warm that is predicted to finish it first.

The fastest of those that are free has the first pick; should a slow one have taken what a faster
could have ended sooner, that will run a copy of it. While what a worker runs is short, a second
batch is queued behind it, so that it does not wait for the next order; not in the tail, where
another worker could begin it sooner.
"""

from __future__ import annotations

from pcm.core.basis import Basis
from pcm.core.batch import Batch
from pcm.core.batching import Batching
from pcm.core.busy import Busy
from pcm.core.commands import Dispatch, Score
from pcm.core.context import Context
from pcm.core.cutting import Cutting
from pcm.core.items import Cut
from pcm.core.leases import Leases
from pcm.core.prefixes import Prefixes
from pcm.core.quarantine import Quarantine
from pcm.core.run import Run
from pcm.core.speculation import Speculation
from pcm.core.worker import Worker


class Placement:
    def __init__(
        self,
        basis: Basis,
        batching: Batching,
        quarantine: Quarantine,
        leases: Leases,
        prefixes: Prefixes,
    ) -> None:
        self._state, self._policy, self._estimates = basis.state, basis.policy, basis.estimates
        self._lifecycle, self._alarms, self._orders = basis.lifecycle, basis.alarms, basis.orders
        self._leases, self._prefixes, self._busy = leases, prefixes, Busy(basis)
        self._cutting = Cutting(basis, batching, quarantine, self._busy)
        self._speculation = Speculation(basis, leases)

    def assign(self, now: float) -> None:
        """Give out what waits to whoever can take it now, the least served run first."""
        several = len(self._state.demand) > 1
        for leave in (True, False) if several else (False,):
            runs = list(self._state.demand.values())
            while runs:
                run = runs[0] if len(runs) == 1 else min(runs, key=_turn)
                if not self._serve(run, now, leave=leave) or not run.has_demand:
                    runs.remove(run)

    def copy_late_ones(self, now: float) -> None:
        """Have idle workers run late batches as well, where nothing else waits for them."""
        for run in self._state.runs.values():
            context = self._state.contexts[run.context]
            rests = run.paused or run.ending is not None or run.items.waiting
            if run.batches and not rests and len(context.idle):
                self._copy_late_of(run, context, now)

    def _copy_late_of(self, run: Run, context: Context, now: float) -> None:
        looked_at = self._take_free(context)
        if not looked_at:
            return
        late = self._busy.latest_and_late(context)
        for worker in sorted(looked_at, key=lambda w: w.slowness * w.skew):
            batch = self._speculation.candidate(run, late, worker, now)
            if batch is None:
                break  # What is of no use to this one is of none to slower ones.
            cut = self._speculation.copy_of(run, batch)
            why = self._speculation.why(run, batch, cut, worker, now)
            copy = self._dispatch(run, worker, cut, why, now)
            batch.twin, copy.twin = copy, batch
        for worker in looked_at:
            self._state.index_queue(worker)

    def _serve(self, run: Run, now: float, *, leave: bool) -> bool:
        """Give it one batch, or say that nobody can take one. With ``leave`` workers are left to
        runs whose prefixes they keep."""
        context = self._state.contexts[run.context]
        looked_at: list[Worker] = []
        batch = None
        while batch is None:
            free = self._take_free(context)
            if not free:
                break
            free.sort(key=lambda w: self._soonest(run, w))
            looked_at += free
            for worker in free:
                if leave and self._prefixes.belongs_to_another(run, worker):
                    continue
                cut = self._cutting.cut(run, worker, now)
                if cut is not None:
                    why = self._explain(run, cut, [worker, *free], now)
                    batch = self._dispatch(run, worker, cut, why, now)
                    break
            # Else nothing may go to any of these: suspects that died there wait for another.
        for worker in looked_at:
            self._state.index_queue(worker)
        if looked_at:
            return batch is not None
        return self._prefetch(run, context, now, leave=leave)

    def _soonest(self, run: Run, worker: Worker) -> tuple[float, float, int]:
        """Who ends a batch like its latest one first."""
        seconds_per_cost = self._estimates.speeds(run).on(worker) or 0.0
        seconds = seconds_per_cost * run.latest_cost + self._prefixes.seconds(run, worker)
        return (seconds, seconds_per_cost, worker.order)

    def _take_free(self, context: Context) -> list[Worker]:
        """Off the heap: the fastest free workers, as many as an explanation names. Whoever takes
        them puts back those still free, by ``index_queue``."""
        free: list[Worker] = []
        while len(free) <= self._policy.losers:
            id_ = context.idle.pop()
            if id_ is None:
                break
            worker = self._state.can_dispatch(id_, context.id)
            if worker is not None and worker.live == 0:
                free.append(worker)
        return free

    def _dispatch(
        self, run: Run, worker: Worker, cut: Cut, why: tuple[Score, ...], now: float
    ) -> Batch:
        state = self._state
        seconds_per_cost = self._estimates.speeds(run).on(worker)
        predicted = None
        if seconds_per_cost is not None:
            predicted = cut.cost * seconds_per_cost + self._prefixes.seconds(run, worker)
        run.latest_cost = cut.cost
        state.batches_made += 1
        batch = Batch(
            state.batches_made,
            run.id,
            worker.id,
            run.context,
            cut.ranges,
            cut.attempt,
            cut.size,
            cut.cost,
            predicted,
            self._leases.patience_seconds(run, cut, predicted),
            now,
        )
        self._lifecycle.dispatch(batch, worker, now)
        run.served_seconds += 1.0 if predicted is None else predicted
        state.index_demand(run)
        self._busy.note(state.contexts[run.context], batch, now + worker.free_in(now))
        self._orders.add(
            Dispatch(
                batch.id,
                run.id,
                worker.id,
                run.context,
                cut.ranges,
                cut.attempt,
                self._orders.cause,
                predicted or 0.0,
                why,
            )
        )
        return batch

    # -- queueing a second batch -----------------------------------------------------------------

    def _prefetch(self, run: Run, context: Context, now: float, *, leave: bool) -> bool:
        """Queue a batch behind the one that ends soonest."""
        while context.shallow:
            id_ = next(iter(context.shallow))
            worker = self._state.can_dispatch(id_, context.id)
            free_in = 0.0 if worker is None else worker.free_in(now)
            if worker is None or worker.live != 1 or free_in > self._policy.prefetch_below_seconds:
                del context.shallow[id_]
                continue
            if leave and self._prefixes.belongs_to_another(run, worker):
                return False
            total = self._estimates.speeds(run).total(context.serving)
            if total <= 0.0 or run.items.waiting_cost / total <= free_in:
                return False
            cut = self._cutting.cut(run, worker, now)
            if cut is None:
                return False
            self._dispatch(run, worker, cut, (), now)
            return True
        return False

    # -- why -------------------------------------------------------------------------------------

    def _explain(
        self, run: Run, cut: Cut, candidates: list[Worker], now: float
    ) -> tuple[Score, ...]:
        """The terms of the winner, which comes first, and of the best losers."""
        unique = list(dict.fromkeys(candidates))
        if len(unique) < 2:
            return ()
        speeds = self._estimates.speeds(run)
        scores = []
        for worker in unique[: 1 + self._policy.losers]:
            work = cut.cost * (speeds.on(worker) or 0.0)
            # An eviction comes in the middle, on average, and costs what was done by then.
            life = self._estimates.hazards.life_seconds_of(worker.capacity, now)
            risk = work * work / (2.0 * life)
            warm_in = self._prefixes.seconds(run, worker)
            scores.append(Score(worker.id, worker.free_in(now), warm_in, work, risk))
        return tuple(scores)


def _turn(run: Run) -> tuple[float, int]:
    return (run.served_seconds, run.order)
