"""The simulated cluster: workers come and go as the scenario says, and do what is commanded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf, isinf

import numpy as np

from pcm.core.commands import Cancel, Command, Dispatch, Evict, Finish, Load, Offload, Retire
from pcm.core.events import (
    BatchDone,
    BatchLost,
    Event,
    ItemsAdded,
    ItemsDone,
    LeaveCause,
    LossCause,
    ReplicaFailed,
    Requirements,
    RunClosed,
    RunOpened,
    SkewChanged,
    Tick,
    WorkerJoined,
    WorkerLeft,
    WorkerNotice,
)
from pcm.engines.simulated.clock import Clock
from pcm.engines.simulated.contexts import Contexts
from pcm.engines.simulated.decider import Decider
from pcm.engines.simulated.ledger import Ledger
from pcm.engines.simulated.limits import bound_seconds
from pcm.engines.simulated.outcome import Outcome
from pcm.engines.simulated.scenario import Scenario, Visit, Workload
from pcm.engines.simulated.transfers import Transfers
from pcm.engines.simulated.worker import Job, SimulatedWorker


class Stranded(Exception):
    """Work is left, and nothing more will happen."""


def simulate(scenario: Scenario, decider: Decider, *, limit_seconds: float = 1e7) -> Outcome:
    """Let it decide until all is done. Raises Stranded if that never comes, or not in time."""
    return Cluster(scenario, decider).run(limit_seconds)


class Cluster:
    def __init__(self, scenario: Scenario, decider: Decider) -> None:
        self._scenario, self._decider = scenario, decider
        self._clock = Clock()
        items = {name: len(run.costs) for name, run in scenario.runs.items()}
        self._ledger = Ledger(self._clock, items)
        self._sums = {
            name: np.concatenate([[0.0], np.cumsum(run.costs)])
            for name, run in scenario.runs.items()
        }
        self._transfers = Transfers(self._clock, scenario.links)
        self._contexts = Contexts(
            scenario.models, self._clock, self._ledger, self._transfers, self._report
        )
        self._workers: dict[str, SimulatedWorker] = {}
        self._busy_until = 0.0
        self._ended: dict[str, Finish] = {}
        for number, visit in enumerate(scenario.visits):
            self._clock.at(visit.start_seconds, partial(self._join, number, visit))
        for name, run in scenario.runs.items():
            self._clock.at(run.opened_seconds, partial(self._open, name, run))

    def run(self, limit_seconds: float = inf) -> Outcome:
        ledger, clock = self._ledger, self._clock
        while ledger.left:
            deadline, due = self._decider.next_deadline(), clock.next()
            if deadline is not None and (due is None or deadline < due):
                if deadline > limit_seconds:
                    raise Stranded(f"{ledger.left} items are left after {limit_seconds:g} s")
                clock.at(deadline, lambda: self._handle((Tick(),)))
            elif due is None or due > limit_seconds:
                raise Stranded(f"{ledger.left} items are left at {clock.now:.1f} s")
            clock.step()
        ledger.settle()
        return self._outcome()

    def _outcome(self) -> Outcome:
        ledger = self._ledger
        counts = ledger.counts
        return Outcome(
            makespan_seconds=self._clock.now
            - min((run.opened_seconds for run in self._scenario.runs.values()), default=0.0),
            bound_seconds=bound_seconds(self._scenario)
            - min((run.opened_seconds for run in self._scenario.runs.values()), default=0.0),
            useful_seconds=ledger.useful_seconds,
            lost_seconds=ledger.seconds["busy"] - ledger.useful_seconds,
            loading_seconds=ledger.seconds["loading"],
            idle_seconds=ledger.seconds["idle"],
            no_work_seconds=ledger.seconds["no_work"],
            items=sum(len(run.costs) for run in self._scenario.runs.values()),
            batches=counts["batches"],
            loads=counts["loads"],
            evictions=counts["evictions"],
            duplicates=counts["duplicates"],
            events=counts["events"],
            offloads=counts["offloads"],
            waiting_seconds=self._waiting_seconds(),
        )

    def _waiting_seconds(self) -> float:
        runs, ended = self._scenario.runs, self._ledger.ended_at
        waited = [
            ended.get(name, run.opened_seconds) - run.opened_seconds for name, run in runs.items()
        ]
        return float(sum(waited)) / len(waited) if waited else 0.0

    # -- the manager -----------------------------------------------------------------------------

    def _tell(self, *events: Event) -> None:
        """The manager hears of it, when it has done with what it heard before."""
        clock = self._clock
        handling = self._scenario.handling_seconds * len(events)
        at = max(clock.now, self._busy_until)
        self._busy_until = at + handling
        if at > clock.now:
            clock.at(at, lambda: self._handle(events))
        else:
            self._handle(events)

    def _report(self, worker: SimulatedWorker, *events: Event) -> None:
        """A worker's word, which arrives after the way."""
        self._clock.after(self._scenario.latency_seconds, lambda: self._tell(*events))

    def _handle(self, events: tuple[Event, ...]) -> None:
        for event in events:
            self._ledger.counts["events"] += 1
            for command in self._decider.handle(event, self._clock.now):
                self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        if isinstance(command, Finish):
            self._ended[command.run] = command
            if command.outcome != "completed":
                raise Stranded(f"run {command.run} {command.outcome}: {command.error}")
            return
        contexts = self._contexts
        deeds: dict[type[Command], Callable[[SimulatedWorker], None]] = {}
        if isinstance(command, Dispatch):
            items = command.item_count
            self._ledger.touch(items)
            deeds[Dispatch] = lambda worker: self._receive(worker, command)
        elif isinstance(command, Load):
            deeds[Load] = lambda worker: contexts.load(worker, command.context, command.tier)
        elif isinstance(command, Offload):
            deeds[Offload] = lambda worker: contexts.offload(worker, command.context)
        elif isinstance(command, Evict):
            deeds[Evict] = lambda worker: contexts.evict(worker, command.context)
        elif isinstance(command, Cancel):
            deeds[Cancel] = lambda worker: self._cancel(worker, command)
        elif isinstance(command, Retire):
            deeds[Retire] = lambda worker: self._leave(worker, "retired")
        else:
            return  # Wishes for more workers: the scenario says who comes.
        deed = deeds[type(command)]
        self._clock.after(
            self._scenario.latency_seconds, lambda: self._deliver(command, command.worker, deed)
        )

    def _deliver(
        self, command: Command, worker_id: str, deed: Callable[[SimulatedWorker], None]
    ) -> None:
        worker = self._workers.get(worker_id)
        if worker is not None:
            before = worker.state
            deed(worker)
            if worker.alive:
                self._ledger.change(before, worker.state)
        elif isinstance(command, Dispatch):
            self._ledger.touch(-command.item_count)

    # -- runs ------------------------------------------------------------------------------------

    def _open(self, name: str, run: Workload) -> None:
        model = self._scenario.models[run.context]
        self._ledger.touch(-len(run.costs))
        self._tell(
            RunOpened(
                name,
                run.context,
                run.context,
                requirements=Requirements(gpu_memory_bytes=model.memory_bytes),
                batch_items=run.batch_items,
            ),
            ItemsAdded(name, run.costs if run.told is None else run.told),
            RunClosed(name),
        )

    # -- workers come and go ---------------------------------------------------------------------

    def _join(self, number: int, visit: Visit) -> None:
        clock, id_ = self._clock, f"w{number}"
        worker = SimulatedWorker(id_, visit, self._scenario.classes[visit.kind])
        self._workers[id_] = worker
        self._ledger.change(None, worker.state)
        known = visit.end_seconds - visit.start_seconds if visit.end_is_known else None
        self._tell(WorkerJoined(id_, worker.capacity(), known))
        if not isinf(visit.end_seconds):
            if visit.notice_seconds:
                at = max(visit.start_seconds, visit.end_seconds - visit.notice_seconds)
                clock.at(at, lambda: self._notice(worker))
            clock.at(visit.end_seconds, lambda: self._taken(worker))
        if visit.slowness_is_seen and visit.slow_from_seconds < visit.end_seconds:
            clock.at(
                visit.slow_from_seconds,
                lambda: self._tell(SkewChanged(id_, visit.slow_factor)) if worker.alive else None,
            )

    def _notice(self, worker: SimulatedWorker) -> None:
        """It is told to go: what is finished is kept, the rest goes back at once."""
        if not worker.alive:
            return
        worker.leaving = True
        before = worker.state
        self._tell(WorkerNotice(worker.id, worker.visit.notice_seconds))
        for job in list(worker.jobs):
            self._lose(worker, job, "evicted", salvage_seconds=0.0)
        if worker.alive:
            self._ledger.change(before, worker.state)

    def _taken(self, worker: SimulatedWorker) -> None:
        if worker.alive:
            self._ledger.counts["evictions"] += 1
            self._leave(worker, "evicted" if worker.leaving else "lost")

    def _leave(self, worker: SimulatedWorker, cause: LeaveCause) -> None:
        salvage = 0.0 if cause != "lost" else self._scenario.salvage_seconds
        self._ledger.change(worker.state, None)
        worker.alive = False
        del self._workers[worker.id]
        for job in worker.jobs:
            job.over = True
            self._tell_finished(worker, job, salvage)
            self._ledger.touch(job.told - len(job.items))
        self._transfers.gone(worker.id)
        self._tell(WorkerLeft(worker.id, cause))

    # -- batches ---------------------------------------------------------------------------------

    def _receive(self, worker: SimulatedWorker, order: Dispatch) -> None:
        items = np.concatenate([np.arange(start, stop) for start, stop in order.ranges])
        sums = self._sums[order.run]
        if len(order.ranges) == 1:
            ((start, stop),) = order.ranges
            ends = sums[start + 1 : stop + 1] - sums[start]
        else:
            ends = np.cumsum(sums[items + 1] - sums[items])
        job = Job(order, items, ends, self._clock.now)
        self._ledger.counts["batches"] += 1
        if order.context not in worker.warm or worker.leaving:
            self._ledger.touch(-len(items))
            cause: LossCause = "evicted" if worker.leaving else "refused"
            self._report(worker, BatchLost(order.batch, cause, started=False))
            return
        worker.jobs.append(job)
        if len(worker.jobs) == 1:
            self._begin(worker, job)

    def _begin(self, worker: SimulatedWorker, job: Job) -> None:
        job.started_at = now = self._clock.now
        context, run = job.order.context, job.order.run
        prefix_work = self._scenario.runs[run].prefix_work
        if prefix_work and not worker.uses_prefix(run, context):
            job.prefix_work = prefix_work
        begun = now + self._scenario.batch_seconds
        seconds = worker.seconds_for(float(job.ends[-1]) + job.prefix_work, context, begun)
        self._clock.at(begun + seconds, lambda: self._done(worker, job))

    def _done(self, worker: SimulatedWorker, job: Job) -> None:
        if job.over:
            return
        assert job.started_at is not None
        job.over = True
        worker.jobs.popleft()
        new = self._ledger.finish(job.order.run, job.items[job.told :])
        run_seconds = self._clock.now - job.started_at
        context = job.order.context
        useful = run_seconds - worker.seconds_for(job.prefix_work, context, job.started_at)
        self._ledger.useful_seconds += useful * new / max(1, len(job.items))
        outcomes = tuple(range(job.told, len(job.items)))
        if worker.jobs:
            self._begin(worker, worker.jobs[0])
        else:
            self._ledger.change("busy", worker.state)
        self._report(
            worker,
            ItemsDone(job.order.batch, outcomes),
            BatchDone(
                job.order.batch,
                run_seconds,
                job.started_at - job.queued_at,
                tuple(worker.kept[context]) if context in worker.kept else None,
            ),
        )

    def _lose(
        self, worker: SimulatedWorker, job: Job, cause: LossCause, *, salvage_seconds: float
    ) -> None:
        """The batch ends here, unfinished, and the next begins."""
        job.over = True
        self._tell_finished(worker, job, salvage_seconds)
        self._ledger.touch(job.told - len(job.items))
        worker.jobs.remove(job)
        self._tell(BatchLost(job.order.batch, cause, started=job.started_at is not None))

    def _tell_finished(self, worker: SimulatedWorker, job: Job, salvage_seconds: float) -> None:
        """What it has finished so far, all but the last so many seconds."""
        if job.started_at is None or isinf(salvage_seconds):
            return
        begun = job.started_at + self._scenario.batch_seconds
        seconds = self._clock.now - salvage_seconds - begun
        if seconds <= 0.0:
            return
        work = worker.work_within(seconds, job.order.context, begun) - job.prefix_work
        finished = int(np.searchsorted(job.ends, work, side="right"))
        if finished > job.told:
            items = job.items[job.told : finished]
            new = self._ledger.finish(job.order.run, items)
            spent = worker.seconds_for(float(job.ends[finished - 1]), job.order.context, begun)
            self._ledger.useful_seconds += spent * new / len(items)
            positions = tuple(range(job.told, finished))
            job.told = finished
            self._tell(ItemsDone(job.order.batch, positions))

    def _cancel(self, worker: SimulatedWorker, command: Cancel) -> None:
        for job in list(worker.jobs):
            if job.order.batch == command.batch:
                running, context = job.started_at is not None, job.order.context
                self._lose(worker, job, command.reason, salvage_seconds=0.0)
                if running:
                    # Its process goes with it; what waited behind it comes back.
                    worker.warm.discard(context)
                    self._transfers.released(worker.id, context)
                    for other in [j for j in worker.jobs if j.order.context == context]:
                        self._lose(worker, other, "replica_died", salvage_seconds=0.0)
                    self._tell(
                        ReplicaFailed(worker.id, context, "died", "its batch was taken back")
                    )
                    if worker.jobs:
                        self._begin(worker, worker.jobs[0])
