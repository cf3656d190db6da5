"""A simulated worker: which contexts it has or loads, and the batches it was given."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pcm.core.commands import Dispatch
from pcm.core.events import Capacity
from pcm.engines.simulated.scenario import Visit, WorkerClass


@dataclass(eq=False, slots=True)
class Job:
    """A batch on a worker. ``ends``: the running sum of its items' reference seconds."""

    order: Dispatch
    items: NDArray[np.int64]
    ends: NDArray[np.float64]
    queued_at: float
    started_at: float | None = None
    told: int = 0
    """How many of its items the scheduler has heard of."""
    over: bool = False
    prefix_work: float = 0.0
    """What it takes before its items, in reference seconds."""


@dataclass(eq=False, slots=True)
class SimulatedWorker:
    id: str
    visit: Visit
    cls: WorkerClass
    alive: bool = True
    leaving: bool = False
    has_environment: bool = False
    has_weights: set[str] = field(default_factory=set)
    warm: set[str] = field(default_factory=set)
    loading: dict[str, float] = field(default_factory=dict)
    """Contexts on their way, and since when."""
    offloading: dict[str, float] = field(default_factory=dict)
    """Contexts on their way to the host's memory, and since when."""
    kept: dict[str, dict[str, None]] = field(default_factory=dict)
    """By context: the runs whose prefix's state is kept, the latest used last."""
    parked: set[str] = field(default_factory=set)
    """Contexts in the host's memory."""
    fetching: set[str] = field(default_factory=set)
    """Contexts of which only the weights are on their way."""
    jobs: deque[Job] = field(default_factory=deque)
    """The first one runs."""

    @property
    def state(self) -> str:
        """What its time goes into now."""
        if self.jobs:
            return "busy"
        return "loading" if self.loading or self.offloading else "idle"

    def forget(self, context: str) -> None:
        """Wherever it is."""
        self.kept.pop(context, None)
        for place in (self.loading, self.offloading):
            place.pop(context, None)
        for there in (self.warm, self.parked, self.fetching):
            there.discard(context)

    def uses_prefix(self, run: str, context: str) -> bool:
        """Whether its state is there; it is from now on, in place of the one least used lately."""
        kept = self.kept.setdefault(context, {})
        there = run in kept
        kept.pop(run, None)
        kept[run] = None
        if len(kept) > self.cls.prefixes_kept:
            del kept[next(iter(kept))]
        return there

    def capacity(self) -> Capacity:
        return Capacity(
            kind=self.cls.kind,
            gpus=1,
            gpu_memory_bytes=self.cls.gpu_memory_bytes,
            memory_bytes=self.cls.host_memory_bytes,
            host=self.id,
            pool="simulated",
            zone=self.visit.zone,
        )

    def seconds_for(self, work: float, context: str, begun: float) -> float:
        """What so many reference seconds take, from a moment on."""
        speed = self.cls.speed_for(context) * self.visit.fitness
        until_slow = self.visit.slow_from_seconds - begun
        if work <= until_slow * speed:
            return work / speed
        before = max(until_slow, 0.0)
        return before + (work - before * speed) / speed * self.visit.slow_factor

    def work_within(self, seconds: float, context: str, begun: float) -> float:
        """The reverse: the reference seconds done in so long."""
        speed = self.cls.speed_for(context) * self.visit.fitness
        until_slow = max(self.visit.slow_from_seconds - begun, 0.0)
        if seconds <= until_slow:
            return seconds * speed
        return speed * (until_slow + (seconds - until_slow) / self.visit.slow_factor)
