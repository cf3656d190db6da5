"""A cluster in virtual time that carries out what the scheduler commands: scripted, deterministic.

Workers load contexts and compute items one by one; items may kill, hang or fail, workers and
replicas be killed at any time. It keeps the books that the scheduler is judged by.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from pcm.core.commands import (
    Cancel,
    Command,
    Dispatch,
    Evict,
    Finish,
    GiveUp,
    Load,
    Offload,
    Provision,
    Retire,
    Want,
)
from pcm.core.events import (
    BatchDone,
    BatchLost,
    Capacity,
    Event,
    ItemsAdded,
    ItemsDone,
    ItemsReopened,
    LossCause,
    PoolSized,
    ProvisionFailed,
    ReplicaFailed,
    RunCancelled,
    RunClosed,
    RunOpened,
    Tick,
    WorkerJoined,
    WorkerLeft,
    WorkerNotice,
)
from pcm.core.policy import Policy
from pcm.core.scheduler import Scheduler
from tests.core.machine import Job, Machine
from tests.core.offered import OfferedPools
from tests.core.replicas import Replicas

FOREVER = 1e9


class Cluster:
    def __init__(
        self,
        policy: Policy | None = None,
        *,
        latency_seconds: float = 0.001,
        stream: bool = True,
        validate: bool = True,
        start_seconds: float = 0.5,
        seconds: Callable[[int], float] = lambda index: 0.1,
        load_seconds: Callable[[int], float] = lambda index: 2.0,
        capacity: Callable[[int, str], Capacity] = lambda index, pool: Capacity(pool=pool),
    ) -> None:
        """``seconds``, ``load_seconds``, ``capacity``: of the n-th worker that is started."""
        self.scheduler = Scheduler(policy, validate=validate)
        self.now = 0.0
        self.latency_seconds = latency_seconds
        self.start_seconds, self.stream = start_seconds, stream
        self.seconds, self.load_seconds, self.capacity = seconds, load_seconds, capacity
        self.machines: dict[str, Machine] = {}
        self.gone: list[Machine] = []
        self.started, self.starts_fail = 0, False
        self.poison: dict[str, set[int]] = defaultdict(set)
        """By run: items that end the process that computes them."""
        self.hanging: dict[str, set[int]] = defaultdict(set)
        self.failing: dict[str, set[int]] = defaultdict(set)
        self.costs: dict[str, list[float]] = defaultdict(list)
        self.commands: list[tuple[float, Command]] = []
        self.finished: dict[str, Counter[int]] = defaultdict(Counter)
        self.given_up: dict[str, dict[int, GiveUp]] = defaultdict(dict)
        self.deaths: Counter[tuple[str, int]] = Counter()
        self.copied_deaths: Counter[tuple[str, int]] = Counter()
        """Those of them while another machine had the item, too: late batches are copied."""
        self.ended: dict[str, Finish] = {}
        self.runs: list[str] = []
        self.offered = OfferedPools(self)
        self.replicas = Replicas(self)
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = 0

    def tell(self, *events: Event) -> None:
        for event in events:
            for command in self.scheduler.handle(event, self.now):
                self.commands.append((self.now, command))
                self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        if isinstance(command, GiveUp):
            assert command.item not in self.given_up[command.run], "given up twice"
            self.given_up[command.run][command.item] = command
        elif isinstance(command, Finish):
            assert command.run not in self.ended, "finished twice"
            self.ended[command.run] = command
        elif isinstance(command, Provision):
            for _ in range(command.workers):
                wait = command.after_seconds + self.start_seconds
                self.after(wait, lambda pool=command.pool: self.start(pool))
        elif isinstance(command, Want):
            self.offered.want(command.pool, command.workers)
        elif isinstance(command, Load):
            self.after(self.latency_seconds, lambda: self.replicas.load(command))
        elif isinstance(command, Offload):
            self.after(self.latency_seconds, lambda: self.replicas.offload(command))
        elif isinstance(command, Evict):
            self.after(self.latency_seconds, lambda: self.replicas.evict(command))
        elif isinstance(command, Dispatch):
            self.after(self.latency_seconds, lambda: self._receive(command))
        elif isinstance(command, Cancel):
            self.after(self.latency_seconds, lambda: self._cancel(command))
        elif isinstance(command, Retire):
            self.after(self.latency_seconds, lambda: self._retire(command))

    # -- time ------------------------------------------------------------------------------------

    def after(self, seconds: float, deed: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._queue, (self.now + seconds, self._sequence, deed))

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._step(end):
            pass
        self.now = end

    def settle(self, limit_seconds: float = 1e6) -> None:
        """Let time pass until every run is over; fails if nothing more will happen before."""
        end = self.now + limit_seconds
        while any(run not in self.ended for run in self.runs):
            stuck = [run for run in self.runs if run not in self.ended]
            assert self._step(end), f"{stuck} are stranded: {self.scheduler.progress(stuck[0])}"

    def _step(self, end: float) -> bool:
        deadline = self.scheduler.next_deadline()
        due = self._queue[0][0] if self._queue else FOREVER
        if deadline is not None and deadline < due:
            if deadline > end:
                return False
            self.now = max(self.now, deadline)
            self.tell(Tick())
            return True
        if due > end:
            return False
        self.now, _, deed = heapq.heappop(self._queue)
        deed()
        return True

    def open(
        self,
        run: str,
        costs: Any,
        *,
        context: str = "model",
        finished: Any = None,
        close: bool = True,
        **options: Any,
    ) -> None:
        costs = np.ones(costs) if isinstance(costs, int) else np.asarray(costs, float)
        self.runs.append(run)
        self.tell(RunOpened(run, context, **options))
        if finished is not None:
            for item in np.flatnonzero(finished):
                self.finished[run][int(item)] += 1
        self.add(run, costs, finished)
        if close:
            self.close(run)

    def add(self, run: str, costs: Any, finished: Any = None) -> None:
        self.costs[run] += [float(cost) for cost in costs]
        if len(costs):
            self.tell(ItemsAdded(run, costs, finished))

    def close(self, run: str) -> None:
        self.tell(RunClosed(run))

    def cancel(self, run: str) -> None:
        self.tell(RunCancelled(run))

    def reopen(self, run: str) -> None:
        """All items that were given up wait again; nothing once it is ending."""
        if run not in self.ended:
            items, self.given_up[run] = sorted(self.given_up[run]), {}
            self.tell(ItemsReopened(run, tuple((item, item + 1) for item in items)))

    def size(self, workers: int, pool: str = "local") -> None:
        self.tell(PoolSized(pool, workers))

    # -- workers come and go ---------------------------------------------------------------------

    def start(self, pool: str) -> None:
        if self.starts_fail:
            self.tell(ProvisionFailed(pool, 1, "no such machine"))
            return
        index, self.started = self.started, self.started + 1
        id_ = f"{pool}-{index}"
        self.machines[id_] = Machine(
            id_, self.capacity(index, pool), self.seconds(index), self.load_seconds(index)
        )
        self.tell(WorkerJoined(id_, self.machines[id_].capacity))

    def _retire(self, command: Retire) -> None:
        if command.worker in self.machines:
            if not command.force:
                self._salvage(self.machines[command.worker])
            self._gone(command.worker, "retired")

    def kill(self, worker: str) -> None:
        """The worker is gone without a word."""
        self._gone(worker, "lost")

    def notice(self, worker: str, grace_seconds: float) -> None:
        """The worker is told to go: what is finished is kept, then it goes."""
        machine = self.machines[worker]
        self.tell(WorkerNotice(worker, grace_seconds))

        def go() -> None:
            if machine.alive:
                self._salvage(machine)
                self._gone(worker, "evicted")

        self.after(grace_seconds, go)

    def _salvage(self, machine: Machine) -> None:
        for jobs in machine.jobs.values():
            for job in list(jobs):
                self.lose(machine, job, "evicted", salvage=True)

    def _gone(self, worker: str, cause: Any) -> None:
        machine = self.machines.pop(worker)
        machine.alive = False
        self.gone.append(machine)
        for jobs in machine.jobs.values():
            for job in jobs:
                job.over = True
        self.tell(WorkerLeft(worker, cause))

    def kill_replica(self, worker: str, context: str, detail: str = "killed by signal 9") -> None:
        self.replicas.kill(self.machines[worker], context, detail)

    # -- batches ---------------------------------------------------------------------------------

    def _receive(self, command: Dispatch) -> None:
        machine = self.machines.get(command.worker)
        if machine is None:
            return
        items = [item for start, stop in command.ranges for item in range(start, stop)]
        job = Job(command, items, queued_at=self.now)
        if command.context not in machine.warm:
            self.tell(BatchLost(command.batch, "refused"))
            return
        machine.jobs[command.context].append(job)
        if len(machine.jobs[command.context]) == 1:
            self._begin(machine, job)

    def _begin(self, machine: Machine, job: Job) -> None:
        job.started_at = self.now
        self._compute(machine, job)

    def _compute(self, machine: Machine, job: Job) -> None:
        if job.done == len(job.items):
            self._done(machine, job)
            return
        run, item = job.order.run, job.items[job.done]
        if item in self.hanging[run]:
            return
        seconds = self.costs[run][item] * machine.seconds
        self.after(seconds, lambda: self._computed(machine, job))

    def _computed(self, machine: Machine, job: Job) -> None:
        if job.over:
            return
        run, item = job.order.run, job.items[job.done]
        machine.busy_seconds += self.costs[run][item] * machine.seconds
        if item in self.poison[run]:
            self.deaths[run, item] += 1
            self.copied_deaths[run, item] += self._has_copy(job, item)
            self.kill_replica(machine.id, job.order.context)
            return
        job.done += 1
        if self.stream:
            self._tell_items(job)
        self._compute(machine, job)

    def _has_copy(self, job: Job, item: int) -> bool:
        """Whether another job has the item before it."""
        return any(
            other is not job
            and other.order.run == job.order.run
            and item in other.items[other.told :]
            for machine in self.machines.values()
            for jobs in machine.jobs.values()
            for other in jobs
        )

    def _tell_items(self, job: Job) -> None:
        run = job.order.run
        positions = range(job.told, job.done)
        failed = tuple(p for p in positions if job.items[p] in self.failing[run])
        finished = tuple(p for p in positions if job.items[p] not in self.failing[run])
        job.told = job.done
        # The manager writes only what the scheduler still knows to be leased.
        if self.scheduler.lease(job.order.batch) is not None:
            there = self.finished[run]  # Of two results of an item the first is its row.
            there.update(item for p in finished if not there[item := job.items[p]])
        if finished or failed:
            self.tell(ItemsDone(job.order.batch, finished, failed))

    def _done(self, machine: Machine, job: Job) -> None:
        assert job.started_at is not None
        self._tell_items(job)
        self._over(machine, job)
        run_seconds, queue_seconds = self.now - job.started_at, job.started_at - job.queued_at
        batch = job.order.batch
        self.after(
            self.latency_seconds,
            lambda: (
                self.tell(BatchDone(batch, run_seconds, queue_seconds)) if machine.alive else None
            ),
        )

    def lose(
        self,
        machine: Machine,
        job: Job,
        cause: LossCause,
        *,
        started: bool | None = None,
        salvage: bool = False,
    ) -> None:
        if salvage:
            self._tell_items(job)
        self._over(machine, job, go_on=False)
        begun = job.started_at is not None if started is None else started
        self.tell(BatchLost(job.order.batch, cause, begun, "killed by signal 9"))

    def _over(self, machine: Machine, job: Job, *, go_on: bool = True) -> None:
        job.over = True
        jobs = machine.jobs[job.order.context]
        jobs.remove(job)
        if jobs and go_on and jobs[0].started_at is None:
            self._begin(machine, jobs[0])

    def _cancel(self, command: Cancel) -> None:
        machine = self.machines.get(command.worker)
        for jobs in machine.jobs.values() if machine else ():
            for job in list(jobs):
                if job.order.batch == command.batch:
                    self._take_back(machine, job, command)

    def _take_back(self, machine: Machine | None, job: Job, command: Cancel) -> None:
        assert machine is not None
        context = job.order.context
        running = job.started_at is not None
        self.lose(machine, job, command.reason, salvage=True)
        if running:
            machine.warm.discard(context)
            self.tell(ReplicaFailed(machine.id, context, "died", "its batch was taken back"))
            for other in list(machine.jobs[context]):
                self.lose(machine, other, "replica_died", started=False)
        elif machine.jobs[context] and machine.jobs[context][0].started_at is None:
            self._begin(machine, machine.jobs[context][0])

    def orders(self, kind: type[Command]) -> list[tuple[float, Any]]:
        return [(at, command) for at, command in self.commands if isinstance(command, kind)]

    def check_books(self, run: str) -> None:
        """Every item of a completed run has exactly one outcome."""
        for item in range(len(self.costs[run])):
            outcomes = self.finished[run][item] + (item in self.given_up[run])
            assert outcomes == 1, f"item {item} of {run} has {outcomes} outcomes"
