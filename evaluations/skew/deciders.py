"""pcm's scheduler with telemetry beside it: true, or lying."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from evaluations.skew.signs import Signs
from pcm.core.commands import Command
from pcm.core.events import BatchDone, Event, SkewChanged, Tick, WorkerJoined, WorkerLeft
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated.scenario import Scenario
from pcm.telemetry.monitor import PERIOD_SECONDS, Monitor


class Telemetered(ABC):
    """Each second of the simulation, ``look`` may tell the scheduler of skew."""

    def __init__(self) -> None:
        self.scheduler = Scheduler()
        self._next = PERIOD_SECONDS

    def handle(self, event: Event, now: float) -> list[Command]:
        self.hear(event, now)
        commands = self.scheduler.handle(event, now)
        if now >= self._next:
            self._next = now + PERIOD_SECONDS
            for change in self.look(now):
                commands += self.scheduler.handle(change, now)
            commands += self.scheduler.handle(Tick(), now)
        return commands

    def next_deadline(self) -> float | None:
        deadline = self.scheduler.next_deadline()
        return self._next if deadline is None else min(deadline, self._next)

    @abstractmethod
    def hear(self, event: Event, now: float) -> None:
        """Before the scheduler does."""

    @abstractmethod
    def look(self, now: float) -> list[SkewChanged]:
        """What it is to be told now."""


class Watched(Telemetered):
    """With the monitor of a manager, over the signs of the workers that are there."""

    def __init__(self, scenario: Scenario, rng: np.random.Generator) -> None:
        super().__init__()
        self._scenario, self._rng = scenario, rng
        self._monitor = Monitor()
        self._signs: dict[str, Signs] = {}
        self._kinds: dict[str, str] = {}

    def hear(self, event: Event, now: float) -> None:
        if isinstance(event, WorkerJoined):
            visit = self._scenario.visits[int(event.worker.removeprefix("w"))]
            self._signs[event.worker] = Signs(event.worker, visit, self._rng)
            self._kinds[event.worker] = event.capacity.kind
        elif isinstance(event, WorkerLeft):
            self._signs.pop(event.worker, None)
            self._monitor.left(event.worker)
        elif isinstance(event, BatchDone):
            lease = self.scheduler.lease(event.batch)
            if lease is not None:
                kind = self._kinds[lease.worker]
                self._monitor.batch_done(
                    lease.run, kind, lease.worker, event.run_seconds, lease.cost, now
                )

    def look(self, now: float) -> list[SkewChanged]:
        for signs in self._signs.values():
            self._monitor.take(signs.window(now), now)
        return self._monitor.settle(now).changes


class Lied(Telemetered):
    """Scores come and go at random: at any time every fourth worker is said to be slow."""

    SHARE = 0.25
    STAY_SECONDS = 60.0

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__()
        self._rng = rng
        self._until: dict[str, float] = {}

    def hear(self, event: Event, now: float) -> None:
        if isinstance(event, WorkerJoined):
            self._until[event.worker] = 0.0
        elif isinstance(event, WorkerLeft):
            self._until.pop(event.worker, None)

    def look(self, now: float) -> list[SkewChanged]:
        changes = []
        begins = self.SHARE / (1.0 - self.SHARE) / self.STAY_SECONDS * PERIOD_SECONDS
        for worker, until in self._until.items():
            if 0.0 < until <= now:
                self._until[worker] = 0.0
                changes.append(SkewChanged(worker, 1.0))
            elif until == 0.0 and self._rng.random() < begins:
                self._until[worker] = now + float(self._rng.exponential(self.STAY_SECONDS))
                changes.append(SkewChanged(worker, float(self._rng.uniform(1.2, 4.0))))
        return changes
