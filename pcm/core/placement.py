"""Where a batch goes: to the worker with its context warm that is predicted to finish it first.

A worker that is free is compared with the other free ones and, in the tail of a run, with faster
ones that will soon be free: if those can do all that waits before this one could do an item, it is
left to them. While what a worker runs is short, a second batch is queued behind it, so that it
does not wait for the next order; not in the tail, where another worker could begin it sooner.
"""

from __future__ import annotations

import heapq
from math import ceil, inf
from typing import Any

from pcm.core.basis import Basis
from pcm.core.batch import Batch
from pcm.core.batching import Batching
from pcm.core.commands import Dispatch, Score
from pcm.core.context import Context
from pcm.core.items import Cut
from pcm.core.leases import Leases
from pcm.core.quarantine import Quarantine
from pcm.core.run import Run
from pcm.core.speculation import Speculation
from pcm.core.worker import Worker


class Placement:
    def __init__(
        self, basis: Basis, batching: Batching, quarantine: Quarantine, leases: Leases
    ) -> None:
        self._state, self._policy, self._estimates = basis.state, basis.policy, basis.estimates
        self._lifecycle, self._alarms, self._orders = basis.lifecycle, basis.alarms, basis.orders
        self._batching, self._quarantine, self._leases = batching, quarantine, leases
        self._speculation = Speculation(basis, leases)

    def assign(self, now: float) -> None:
        """Give out what waits to whoever can take it now, the least served run first."""
        runs = list(self._state.demand.values())
        while runs:
            run = runs[0] if len(runs) == 1 else min(runs, key=_turn)
            if not self._serve(run, now) or not run.has_demand:
                runs.remove(run)

    def copy_late_ones(self, now: float) -> None:
        """Have idle workers run late batches as well, where nothing else waits for them."""
        for run in self._state.runs.values():
            context = self._state.contexts[run.context]
            if run.batches and run.ending is None and not run.items.waiting and len(context.idle):
                self._copy_late_of(run, context, now)

    def _copy_late_of(self, run: Run, context: Context, now: float) -> None:
        looked_at = self._take_free(context)
        if not looked_at:
            return
        late = self._latest_and_late(context)
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

    def _serve(self, run: Run, now: float) -> bool:
        context = self._state.contexts[run.context]
        speeds = self._estimates.speeds(run)
        looked_at: list[Worker] = []
        batch = None
        while batch is None:
            free = self._take_free(context)
            if not free:
                break
            free.sort(key=lambda w: (speeds.on(w) or 0.0, w.order))
            looked_at += free
            rivals = self._rivals(run, context, free[0], now)
            if rivals is None:
                break
            for worker in free:
                cut = self._cut(run, worker, now)
                if cut is not None:
                    why = self._explain(run, cut, [worker, *free, *rivals], now)
                    batch = self._dispatch(run, worker, cut, why, now)
                    break
            # Else nothing may go to any of these: suspects that died there wait for another.
        for worker in looked_at:
            self._state.index_queue(worker)
        if looked_at:
            return batch is not None
        return self._prefetch(run, context, now)

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

    def _cut(self, run: Run, worker: Worker, now: float) -> Cut | None:
        """Take a batch for this worker off the run's lanes; suspects first on a replica that is
        proven, last on one that is not."""
        items_max, cost_max = self._batching.size(run, worker, now)
        trials = run.suspects.waiting
        proven = not worker.deaths.get(run.context)
        if trials and proven:
            cut = self._quarantine.take(run, worker, items_max, cost_max, proven=True)
            if cut is not None:
                return cut
        cut = (
            self._take_dear(run, worker)
            or run.items.take(run.items.lane, items_max, cost_max)
            or self._take_last_dear(run, worker, now)
        )
        if cut is None and trials and not proven:
            cut = self._quarantine.take(run, worker, items_max, cost_max, proven=False)
        return cut

    def _take_dear(self, run: Run, worker: Worker) -> Cut | None:
        """The dearest item that this worker can do before all that waits is done."""
        items, speeds = run.items, self._estimates.speeds(run)
        seconds_per_cost = speeds.on(worker) if items.dear else None
        if seconds_per_cost is None:
            return None
        total = speeds.total(self._state.contexts[run.context].serving)
        return items.take_dearest(items.waiting_cost / (total * seconds_per_cost))

    def _take_last_dear(self, run: Run, worker: Worker, now: float) -> Cut | None:
        """Where nothing else waits: the dearest that no busy worker is predicted to end sooner.
        What is left then is left to those."""
        items, speeds = run.items, self._estimates.speeds(run)
        seconds_per_cost = speeds.on(worker) if items.dear else None
        if seconds_per_cost is None:
            return items.take_dearest()
        # Of a rival that is free in f and needs r per cost, sooner is what costs c where
        # c * seconds_per_cost <= f + c * r.
        cost_max = inf
        for rival in self._soonest_free(self._state.contexts[run.context]):
            theirs = speeds.on(rival)
            if rival is not worker and theirs is not None and theirs < seconds_per_cost:
                cost_max = min(cost_max, rival.free_in(now) / (seconds_per_cost - theirs))
        cut = items.take_dearest(cost_max)
        if cut is None and items.dear:
            # Should they not keep what they promise, look again.
            self._alarms.set(("look", run.id), now + self._policy.watch_seconds)
        return cut

    def _dispatch(
        self, run: Run, worker: Worker, cut: Cut, why: tuple[Score, ...], now: float
    ) -> Batch:
        state = self._state
        seconds_per_cost = self._estimates.speeds(run).on(worker)
        predicted = None if seconds_per_cost is None else cut.cost * seconds_per_cost
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
        self._note_busy(state.contexts[run.context], batch, now + worker.free_in(now))
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

    def _prefetch(self, run: Run, context: Context, now: float) -> bool:
        """Queue a batch behind the one that ends soonest."""
        while context.shallow:
            id_ = next(iter(context.shallow))
            worker = self._state.can_dispatch(id_, context.id)
            free_in = 0.0 if worker is None else worker.free_in(now)
            if worker is None or worker.live != 1 or free_in > self._policy.prefetch_below_seconds:
                del context.shallow[id_]
                continue
            total = self._estimates.speeds(run).total(context.serving)
            if total <= 0.0 or run.items.waiting_cost / total <= free_in:
                return False
            cut = self._cut(run, worker, now)
            if cut is None:
                return False
            self._dispatch(run, worker, cut, (), now)
            return True
        return False

    # -- the tail --------------------------------------------------------------------------------

    def _rivals(
        self, run: Run, context: Context, worker: Worker, now: float
    ) -> list[Worker] | None:
        """Faster workers that were considered in this one's stead; None if they shall have it."""
        seconds_per_cost = self._estimates.speeds(run).on(worker)
        items = run.items
        units = ceil(items.waiting / (run.opened.batch_items or 1))
        if seconds_per_cost is None or units > self._policy.tail_units or run.suspects.waiting:
            return []
        cost = items.waiting_cost / units
        mine = cost * seconds_per_cost
        rivals = []
        for rival in self._soonest_free(context):
            theirs = self._estimates.speeds(run).on(rival)
            if rival is worker or theirs is None or theirs >= seconds_per_cost:
                continue
            done_meanwhile = int((mine - rival.free_in(now)) / (cost * theirs))
            if done_meanwhile > 0:
                rivals.append(rival)
                units -= done_meanwhile
                if units <= 0:
                    # Should they not keep what they promise, look again.
                    self._alarms.set(("look", run.id), now + mine)
                    return None
        return rivals

    def _note_busy(self, context: Context, batch: Batch, until: float) -> None:
        busy = context.busy
        heapq.heappush(busy, (until, batch.id, batch.worker))
        heapq.heappush(context.latest, (-until, batch.id))
        if len(busy) > 4 * len(context.warm) + 64:
            busy[:] = [entry for entry in busy if entry[1] in self._state.batches]
            heapq.heapify(busy)
            context.latest[:] = [(-until, id_) for until, id_, _ in busy]
            heapq.heapify(context.latest)

    def _soonest_free(self, context: Context) -> list[Worker]:
        """Busy workers of a context, the soonest free first, a few of them."""
        found: list[Worker] = []
        entries: list[tuple[float, int, str]] = []
        while context.busy and len(found) < self._policy.rivals:
            entry = heapq.heappop(context.busy)
            worker = self._state.can_dispatch(entry[2], context.id)
            queue = worker.queues.get(context.id) if worker else None
            if worker is not None and queue and queue[-1].id == entry[1]:
                found.append(worker)
                entries.append(entry)
        for entry in entries:
            heapq.heappush(context.busy, entry)
        return found

    def _latest_and_late(self, context: Context) -> list[Batch]:
        """A few live batches of a context: those predicted to end last, and those that should have
        ended first."""
        found: dict[int, Batch] = {}
        heaps: tuple[list[Any], ...] = (context.latest, context.busy)
        for heap in heaps:
            entries: list[Any] = []
            while heap and len(entries) < self._policy.rivals:
                entry = heapq.heappop(heap)
                batch = self._state.batches.get(entry[1])
                if batch is not None:
                    entries.append(entry)
                    found[batch.id] = batch
            for entry in entries:
                heapq.heappush(heap, entry)
        return list(found.values())

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
            risk = work * work / (2.0 * self._estimates.eviction_seconds(now))
            scores.append(Score(worker.id, worker.free_in(now), 0.0, work, risk))
        return tuple(scores)


def _turn(run: Run) -> tuple[float, int]:
    return (run.served_seconds, run.order)
