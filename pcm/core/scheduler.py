"""Events in, commands out: the whole interface of the core.

Pure: no input or output, no clock, no threads, no randomness. The same sequence of events and
times gives the same commands. ``handle`` first changes the state by what happened, which the
methods named after the events do, then decides what shall be done, which the modules of the core
do, each one kind of decision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pcm.core.ahead import Ahead
from pcm.core.basis import Basis
from pcm.core.batch import Batch
from pcm.core.batching import Batching
from pcm.core.commands import Command
from pcm.core.context import Context
from pcm.core.demand import Demand
from pcm.core.events import (
    BatchDone,
    BatchLost,
    Event,
    ItemsAdded,
    ItemsDone,
    ItemsReopened,
    PoolOffered,
    PoolSized,
    PoolState,
    ProvisionFailed,
    ReplicaChanged,
    ReplicaFailed,
    Requirements,
    RunCancelled,
    RunClosed,
    RunOpened,
    RunPaused,
    RunUnpaused,
    SkewChanged,
    Tick,
    WorkerCondemned,
    WorkerDrained,
    WorkerJoined,
    WorkerLeft,
    WorkerNotice,
)
from pcm.core.faults import Faults
from pcm.core.giving_up import GivingUp
from pcm.core.handback import Handback
from pcm.core.invariants import check
from pcm.core.leases import Leases
from pcm.core.outcomes import Outcomes
from pcm.core.placement import Placement
from pcm.core.policy import Policy
from pcm.core.prefixes import Prefixes
from pcm.core.provisioning import Provisioning
from pcm.core.quarantine import Quarantine
from pcm.core.replicas import Replicas
from pcm.core.residency import Residency
from pcm.core.runs import Runs
from pcm.core.story import InvalidTransition
from pcm.core.views import Progress, WorkerView, present, progress_at_end, progress_of, view_of
from pcm.core.worker import Worker


class Scheduler:
    """Decides what runs where. ``validate`` checks all invariants after every event."""

    def __init__(self, policy: Policy | None = None, validate: bool = False) -> None:
        policy = policy or Policy()
        self.policy = policy
        self.validate = validate
        self.events_handled = 0
        self.events_ignored = 0
        """Late news of batches, workers or runs that are over."""
        self._now = float("-inf")
        basis = self._basis = Basis.under(policy)
        self._state, self._estimates = basis.state, basis.estimates
        self._provisioning = Provisioning(basis, self._fail_all_runs)
        self._leases = Leases(basis, self._provisioning)
        self._runs = Runs(basis, self._leases)
        self._faults = Faults(basis, self._runs.fail)
        quarantine, prefixes = Quarantine(basis), Prefixes(basis)
        self._outcomes = Outcomes(
            basis, quarantine, self._faults, self._provisioning, self._runs, self._leases, prefixes
        )
        self._placement = Placement(basis, Batching(basis), quarantine, self._leases, prefixes)
        self._giving_up = GivingUp(basis)
        ahead = Ahead(basis)
        self._replicas = Replicas(basis, ahead)
        self._residency = Residency(basis, self._leases, self._faults, self._giving_up, ahead)
        self._demand = Demand(basis)
        self._handback = Handback(basis, self._provisioning.set_aside)
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            WorkerJoined: self._worker_joined,
            WorkerNotice: self._worker_notice,
            WorkerLeft: self._worker_left,
            ReplicaChanged: self._replica_changed,
            ReplicaFailed: self._replica_failed,
            ItemsDone: self._items_done,
            BatchDone: self._batch_done,
            BatchLost: self._batch_lost,
            RunOpened: self._run_opened,
            ItemsAdded: self._items_added,
            RunClosed: self._run_closed,
            RunCancelled: self._run_cancelled,
            RunPaused: self._run_paused,
            RunUnpaused: self._run_unpaused,
            ItemsReopened: self._items_reopened,
            PoolSized: self._provisioning.size,
            PoolOffered: self._demand.offered,
            PoolState: self._demand.changed,
            ProvisionFailed: self._provisioning.failed,
            SkewChanged: self._skew_changed,
            WorkerCondemned: self._worker_condemned,
            WorkerDrained: self._worker_drained,
            Tick: self._tick,
        }

    def handle(self, event: Event, now: float) -> list[Command]:
        """Take in what happened at ``now`` (seconds, any monotonic clock) and decide.

        Raises InvalidTransition or ValueError for what cannot have happened. Late and repeated
        news of what is over are ignored, and counted.
        """
        self.events_handled += 1
        self._now = max(self._now, now)
        self._basis.story.add(self.events_handled, event)
        self._basis.orders.begin(self.events_handled)
        self._handlers[type(event)](event)
        self._provisioning.give_up_if_hopeless(self._now)
        self._runs.finish_those_done(self._now)
        self._residency.change_over(self._now)
        self._placement.assign(self._now)
        self._residency.settle(self._now)
        self._placement.copy_late_ones(self._now)
        self._runs.finish_those_done(self._now)
        if self._demand.settle(self._now) or self._handback.due <= self._now:
            self._handback.settle(self._now)
        self._provisioning.retire_drained()
        unused = self._state.forget_contexts()
        if unused:
            self._estimates.forget_contexts(unused)
        if self.validate:
            check(self._state, self._basis.alarms)
        return self._basis.orders.end()

    # -- views -----------------------------------------------------------------------------------

    def lease(self, batch: int) -> Batch | None:
        """A live batch, to be read only; None if it is over or never was."""
        return self._state.batches.get(batch)

    def progress(self, run: str) -> Progress:
        """Also of a run that is over. Raises KeyError for one that was never opened."""
        ended = self._state.ended.get(run)
        if ended is not None:
            return progress_at_end(ended, self._state)
        return progress_of(self._state.runs[run], self._state, self._estimates)

    def worker_views(self) -> list[WorkerView]:
        """The workers that are there, in the order of joining."""
        return [view_of(worker) for worker in self._state.workers.values()]

    def present(self) -> list[Event]:
        """Events that would tell a new log of the workers and replicas there are."""
        return present(self._state)

    def next_deadline(self) -> float | None:
        """When a Tick is needed next, if nothing else happens before."""
        return self._basis.alarms.next()

    # -- workers ---------------------------------------------------------------------------------

    def _worker_joined(self, event: WorkerJoined) -> None:
        state = self._state
        if event.worker in state.workers:
            raise InvalidTransition(
                f"worker {event.worker} joined twice", self._basis.story.about(worker=event.worker)
            )
        state.joined += 1
        worker = Worker(event.worker, event.capacity, state.joined, self._now)
        state.workers[worker.id] = worker
        if event.leaves_in_seconds is not None:
            worker.leaves_at = self._now + event.leaves_in_seconds
        self._estimates.hazards.joined(worker, self._now)
        state.index_replicas(worker)
        self._provisioning.joined(worker)
        self._demand.joined(worker)

    def _worker_notice(self, event: WorkerNotice) -> None:
        worker = self._known(event.worker)
        if worker is not None:
            self._provisioning.withdraw(worker, f"leaves in {event.leaves_in_seconds:g} s")
            self._estimates.hazards.left(worker, self._now, evicted=self._is_early(worker))

    def _worker_left(self, event: WorkerLeft) -> None:
        worker = self._known(event.worker)
        if worker is None:
            return
        self._provisioning.left(worker, event.cause, event.detail, self._now)
        self._provisioning.withdraw(worker, event.cause)
        self._demand.left(worker)
        self._outcomes.worker_left(worker, event, self._now)
        evicted = event.cause in ("evicted", "lost") and self._is_early(worker)
        self._estimates.hazards.left(worker, self._now, evicted=evicted)
        self._estimates.forget(worker.id)
        self._state.forget_ahead(worker)
        self._state.drained.pop(worker.id, None)
        del self._state.workers[worker.id]

    def _is_early(self, worker: Worker) -> bool:
        """Whether it goes sooner than it was known to."""
        return self._now < worker.leaves_at - self.policy.wave_seconds

    def _skew_changed(self, event: SkewChanged) -> None:
        worker = self._known(event.worker)
        if worker is not None:
            factor = max(1.0, event.factor)
            if factor > worker.skew or (factor == 1.0 and worker.skew > 1.0):
                worker.skew_since = self._now
            worker.skew = factor

    def _worker_condemned(self, event: WorkerCondemned) -> None:
        worker = self._known(event.worker)
        if worker is not None:
            self._provisioning.condemn(worker, event.reason)

    def _worker_drained(self, event: WorkerDrained) -> None:
        worker = self._known(event.worker)
        if worker is not None:
            self._provisioning.drain(worker)

    # -- replicas --------------------------------------------------------------------------------

    def _replica_changed(self, event: ReplicaChanged) -> None:
        worker = self._known(event.worker)
        if worker is not None:
            self._replicas.changed(worker, self._context(event.context), event, self._now)

    def _replica_failed(self, event: ReplicaFailed) -> None:
        worker = self._known(event.worker)
        if worker is None or event.context not in worker.replicas:
            self.events_ignored += worker is not None
            if worker is not None and worker.ahead == event.context:
                # They are not ordered again; a load will say what the matter is.
                worker.without_ahead.add(event.context)
                self._state.forget_ahead(worker)
            return
        self._faults.failed(worker, self._context(event.context), event, self._now)

    # -- batches ---------------------------------------------------------------------------------

    def _items_done(self, event: ItemsDone) -> None:
        batch = self._live(event.batch)
        if batch is not None:
            self._outcomes.items_done(batch, event, self._now)

    def _batch_done(self, event: BatchDone) -> None:
        batch = self._live(event.batch)
        if batch is not None:
            self._outcomes.batch_done(batch, event, self._now)

    def _batch_lost(self, event: BatchLost) -> None:
        batch = self._live(event.batch)
        if batch is not None:
            self._outcomes.batch_lost(batch, event, self._now)

    # -- runs ------------------------------------------------------------------------------------

    def _run_opened(self, event: RunOpened) -> None:
        context = self._context(event.context)
        if not context.runs:
            self._faults.opened(context)
        context.name = event.context_name or context.name
        context.requirements = event.requirements
        self._runs.open(event, context, self._now)
        self._giving_up.used(context)
        self._provisioning.run_opened()

    def _items_added(self, event: ItemsAdded) -> None:
        run = self._runs.get(event.run)
        if run is None or run.ending is not None:
            self.events_ignored += 1
        elif run.closed:
            raise ValueError(f"run {event.run} is closed and takes no more items")
        else:
            dearest_first = self.policy.dearest_first and run.opened.batch_items is None
            run.items.add(event.costs, event.finished, dearest_first=dearest_first)
            self._runs.changed(run)

    def _run_closed(self, event: RunClosed) -> None:
        run = self._runs.get(event.run)
        if run is not None:
            run.closed = True
            self._runs.changed(run)

    def _run_cancelled(self, event: RunCancelled) -> None:
        run = self._runs.get(event.run)
        if run is not None:
            self._runs.end(run, "cancelled", "", self._now)

    def _run_paused(self, event: RunPaused) -> None:
        run = self._runs.get(event.run)
        if run is not None:
            self._runs.pause(run)

    def _run_unpaused(self, event: RunUnpaused) -> None:
        run = self._runs.get(event.run)
        if run is not None:
            self._runs.unpause(run)

    def _items_reopened(self, event: ItemsReopened) -> None:
        run = self._runs.get(event.run)
        if run is None or run.ending is not None:
            self.events_ignored += 1
        else:
            self._runs.reopen(run, event.ranges)

    def _fail_all_runs(self, error: str) -> None:
        for run in list(self._state.runs.values()):
            self._runs.fail(run, error)

    # -- the clock -------------------------------------------------------------------------------

    def _tick(self, event: Tick) -> None:
        for kind, *names in list(self._basis.alarms.due(self._now)):
            if kind == "lease":
                self._leases.check(names[0], self._now)
            elif kind == "replica":
                self._leases.check_replicas(names[0], self._now)
            # "look": nothing but to decide again, which every event does

    # -- lookups ---------------------------------------------------------------------------------

    def _known(self, worker: str) -> Worker | None:
        found = self._state.workers.get(worker)
        if found is None:
            self.events_ignored += 1
        return found

    def _live(self, batch: int) -> Batch | None:
        found = self._state.batches.get(batch)
        if found is None:
            if not 0 < batch <= self._state.batches_made:
                raise ValueError(f"there never was a batch {batch}")
            self.events_ignored += 1
        return found

    def _context(self, id_: str) -> Context:
        contexts = self._state.contexts
        if id_ not in contexts:
            contexts[id_] = Context(id_, id_, Requirements(), self._state.contexts_made)
            self._state.contexts_made += 1
        return contexts[id_]
