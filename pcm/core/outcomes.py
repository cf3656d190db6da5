"""What becomes of items when news of their batch arrives: finished, tried again, or given up."""

from __future__ import annotations

from pcm.core.basis import Basis
from pcm.core.batch import FAILED as OUTCOME_FAILED
from pcm.core.batch import FINISHED as OUTCOME_FINISHED
from pcm.core.batch import OPEN, Batch
from pcm.core.commands import GiveUp
from pcm.core.events import BatchDone, BatchLost, ItemsDone, WorkerLeft
from pcm.core.faults import Faults
from pcm.core.items import FAILED, FINISHED
from pcm.core.leases import Leases
from pcm.core.losses import Losses
from pcm.core.prefixes import Prefixes
from pcm.core.provisioning import Provisioning
from pcm.core.quarantine import Quarantine
from pcm.core.run import Run
from pcm.core.runs import Runs
from pcm.core.worker import Worker


class Outcomes:
    def __init__(
        self,
        basis: Basis,
        quarantine: Quarantine,
        faults: Faults,
        provisioning: Provisioning,
        runs: Runs,
        leases: Leases,
        prefixes: Prefixes,
    ) -> None:
        self._state, self._estimates = basis.state, basis.estimates
        self._lifecycle, self._orders = basis.lifecycle, basis.orders
        self._quarantine, self._faults, self._provisioning = quarantine, faults, provisioning
        self._losses, self._leases, self._prefixes = Losses(basis), leases, prefixes
        self._runs = runs

    def items_done(self, batch: Batch, event: ItemsDone, now: float) -> None:
        """Raises IndexError for a position that the batch does not have."""
        run = self._state.run_of(batch)
        worker = self._state.workers[batch.worker]
        if batch.status == "queued":  # the worker took it before one that we hold to be first
            self._lifecycle.batch(batch, "running", now)
        before = batch.open
        self._finished(run, batch, event.finished)
        finished = before - batch.open
        if finished:
            worker.finished += finished
            self._faults.worked(worker, self._state.contexts[batch.context])
            self._provisioning.succeeded(worker)
        for position in event.failed:
            self._failed(run, batch, position)
        if batch.status == "running":
            self._lifecycle.extend(batch, now)
        if batch.first_progress_at is None and batch.open:
            batch.first_progress_at = now
        if event.failed:
            self._runs.changed(run)

    def _finished(self, run: Run, batch: Batch, positions: tuple[int, ...]) -> None:
        if (
            len(positions) == batch.open == batch.count
            and not run.suspects.records
            and not run.failures
            and positions == tuple(range(batch.count))
        ):
            run.items.settle_ranges(batch.ranges, batch.count)
            batch.outcomes = bytearray((OUTCOME_FINISHED,)) * batch.count
            batch.open = 0
            if batch.twin is not None:
                for position in positions:
                    batch.twin.close(batch.item_at(position), OUTCOME_FINISHED)
            return
        for position in positions:
            item = batch.item_at(position)
            if batch.outcomes[position] == OPEN:
                batch.outcomes[position] = OUTCOME_FINISHED
                batch.open -= 1
                if batch.twin is not None:
                    batch.twin.close(item, OUTCOME_FINISHED)
                run.items.settle(item, FINISHED)
                if run.suspects.records:
                    run.suspects.records.pop(item, None)
                if run.failures:
                    run.failures.pop(item, None)

    def _failed(self, run: Run, batch: Batch, position: int) -> None:
        """The task raised for an item: it is tried again as often as the user allows."""
        item = batch.item_at(position)
        if batch.outcomes[position] != OPEN:
            return
        batch.outcomes[position] = OUTCOME_FAILED
        batch.open -= 1
        if batch.twin is not None:
            batch.twin.close(item, OUTCOME_FAILED)
        run.suspects.records.pop(item, None)
        failures = run.failures.get(item, 0) + 1
        if failures <= run.opened.retries:
            run.failures[item] = failures
            run.items.give_back(item, item + 1)
            if run.ending is None:
                run.items.put_last(item, item + 1, batch.attempt + 1)
            return
        run.failures.pop(item, None)
        run.items.settle(item, FAILED)
        self._orders.add(GiveUp(run.id, item, "failed", self._orders.cause))
        self._check_limit(run)

    def _check_limit(self, run: Run) -> None:
        limit = run.opened.failure_limit
        if limit is not None and run.items.failed >= limit and not run.items.finished:
            self._runs.fail(run, f"the first {run.items.failed} items failed, and none succeeded")

    def batch_done(self, batch: Batch, event: BatchDone, now: float) -> None:
        run = self._state.run_of(batch)
        worker = self._state.workers[batch.worker]
        if batch.open:  # its worker held back outcomes: never to be trusted for ever
            self._charge(run, batch, "batch ended without this item's outcome", slow=False)
        else:
            self._measure(run, batch, worker, event, now)
        twin = batch.twin
        self._lifecycle.batch(batch, "ended", now)
        if twin is not None and not twin.open:
            self._beat(twin, now)
        self._runs.changed(run)

    def _beat(self, batch: Batch, now: float) -> None:
        """Nobody waits for it any more. Taking it back ends its replica, and a worker that is
        stopped for a while: it may end by itself, if that does not take long."""
        batch.beaten = True
        worker, context = self._state.workers[batch.worker], self._state.contexts[batch.context]
        load_seconds = self._estimates.load_seconds(context, worker.capacity.kind)
        patience_seconds = max(load_seconds, self._leases.floor_seconds)
        if worker.free_in(now) > patience_seconds:
            self._leases.cancel(batch, "cancelled", now)

    def _measure(
        self, run: Run, batch: Batch, worker: Worker, event: BatchDone, now: float
    ) -> None:
        self._prefixes.measure(run, batch, worker, event)
        kind = worker.capacity.kind
        run.largest_cost[kind] = max(run.largest_cost.get(kind, 0.0), batch.cost)
        if batch.cancel_reason is None and batch.dispatched_at == batch.started_at:
            # Behind another, the way there is hidden by the other's work.
            self._estimates.spent(
                now - batch.dispatched_at - event.queue_seconds - event.run_seconds
            )
        if run.streams is None and batch.count > 1:
            first, began = batch.first_progress_at, batch.started_at
            run.streams = (
                first is not None and began is not None and first - began < 0.5 * (now - began)
            )

    def batch_lost(self, batch: Batch, event: BatchLost, now: float) -> None:
        run = self._state.run_of(batch)
        worker = self._state.workers[batch.worker]
        context = self._state.contexts[batch.context]
        cause = event.cause if batch.cancel_reason is None else batch.cancel_reason
        if event.cause == "too_large":
            # Others may have been cut alike before this came back.
            half = max(1, batch.count // 2)
            run.batch_items_max = min(half, run.batch_items_max or half)
        if event.started and cause in ("replica_died", "deadline"):
            text = "replica died" if cause == "replica_died" else "no progress before its deadline"
            text += f": {event.detail}" if event.detail else ""
            self._charge(run, batch, text, slow=cause == "deadline")
        else:
            self._give_back(run, batch, started=event.started and event.cause != "refused")
        self._lifecycle.batch(batch, "ended", now)
        if event.cause == "refused" and worker.is_warm(context.id):
            # It is not what we thought; what is still queued there will be refused as well.
            self._lifecycle.replica(worker, context, "absent", now)
        self._runs.changed(run)

    def worker_left(self, worker: Worker, event: WorkerLeft, now: float) -> None:
        """What it had not finished comes back; who goes without a word leaves a suspicion."""
        explained = event.cause not in ("lost", "evicted")
        for queue in list(worker.queues.values()):
            first = queue[0]
            for batch in reversed(list(queue)):  # so that what was sent first is in front again
                run = self._state.run_of(batch)
                late = batch.cancel_reason == "deadline"
                running = batch is first
                if running and (late or (event.cause == "lost" and batch.cancel_reason is None)):
                    text = "no progress, worker ended" if late else "worker lost"
                    text += f": {event.detail}" if event.detail else ""
                    begun = now if batch.started_at is None else batch.started_at
                    chance = 0.0 if late else self._losses.chance(worker, now - begun, now)
                    explained = explained or late or self._is_trial(run, batch)
                    self._charge(run, batch, text, slow=late, chance=chance)
                else:
                    self._give_back(run, batch, started=running)
                self._lifecycle.batch(batch, "ended", now)
                self._runs.changed(run)
        for id_ in list(worker.replicas):
            self._lifecycle.replica(worker, self._state.contexts[id_], "absent", now)
        if not explained:
            self._losses.note(now)

    def _is_trial(self, run: Run, batch: Batch) -> bool:
        return batch.alone and batch.ranges[0][0] in run.suspects.records

    def _charge(
        self, run: Run, batch: Batch, cause: str, *, slow: bool, chance: float = 0.0
    ) -> None:
        if run.ending is not None or batch.twin is not None:
            self._give_back(run, batch, started=True)
            return
        items = batch.open_items()
        self._quarantine.charge(run, batch, items, cause, slow=slow, chance=chance)
        self._check_limit(run)

    def _give_back(self, run: Run, batch: Batch, *, started: bool) -> None:
        if batch.twin is not None:  # It has all that is left, and goes on.
            return
        self._quarantine.give_back(run, batch, batch.open_items(), started=started)
        if run.ending is not None:
            run.items.clear()
            run.suspects.clear()
