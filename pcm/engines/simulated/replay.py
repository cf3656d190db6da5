"""A live run as a scenario: who was there when, how fast, what loads and items took, from its log.

What a simulation of it then predicts is compared with what happened: it shows whether what is
learnt by simulating holds for live runs. Not taken over from the log: failed attempts, deaths of
replicas, and when a worker was slowed down; its mean speed counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import fmean, median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcm.core.commands import Command, Dispatch, Finish, Load
from pcm.core.events import (
    BatchDone,
    Capacity,
    Event,
    ReplicaChanged,
    RunOpened,
    WorkerJoined,
    WorkerLeft,
    WorkerNotice,
)
from pcm.core.worker import suits
from pcm.engines.simulated.scenario import Model, Scenario, Visit, WorkerClass, Workload

SHORTEST_SECONDS = 1e-6
LET_GO_SECONDS = 0.01
"""The notice of a worker of which the log has only that it left in good order."""

Log = Iterable[tuple[float, Event | Command]]
"""In order, with the seconds of any one clock."""


class ItemTiming(NamedTuple):
    """The batch that gave an item its result, and what the item took in it."""

    item: int
    worker: str
    batch: int
    seconds: float


class Replay(NamedTuple):
    """What was reconstructed, and how long it took from the run's opening to its end."""

    scenario: Scenario
    makespan_seconds: float


@dataclass(eq=False)
class _Stay:
    """What the log tells of a worker."""

    capacity: Capacity
    joined_at: float
    noticed_at: float | None = None
    left_at: float = inf
    cause: str = ""
    load_begun_at: float | None = None
    load_seconds: float | None = None
    """Its first load; 0: it was warm before."""
    speed: float | None = None
    """In units of cost per second."""


@dataclass(eq=False)
class _Told:
    """The log, gathered."""

    stays: dict[str, _Stay] = field(default_factory=dict)
    opened: RunOpened | None = None
    opened_at: float = 0.0
    finished_at: float | None = None
    dispatched_at: dict[int, float] = field(default_factory=dict)
    run_seconds: dict[int, float] = field(default_factory=dict)
    item_count: dict[int, int] = field(default_factory=dict)
    ways: list[float] = field(default_factory=list)
    """By batch: from its dispatch to its end, less what it took on its worker."""

    def take(self, at: float, entry: Event | Command) -> None:
        match entry:
            case RunOpened():
                self.opened, self.opened_at = entry, at
            case Finish():
                self.finished_at = at
            case Dispatch():
                self.dispatched_at[entry.batch] = at
                self.item_count[entry.batch] = entry.item_count
            case BatchDone():
                self.run_seconds[entry.batch] = entry.run_seconds
                waited = entry.queue_seconds + entry.run_seconds
                self.ways.append(max(0.0, at - self.dispatched_at.get(entry.batch, at) - waited))
            case WorkerJoined():
                self.stays.setdefault(entry.worker, _Stay(entry.capacity, at))
            case WorkerNotice() | WorkerLeft() | Load() | ReplicaChanged():
                stay = self.stays.get(entry.worker)
                if stay is not None:
                    self._take_of_worker(at, entry, stay)
            case _:
                pass

    def _take_of_worker(
        self, at: float, entry: WorkerNotice | WorkerLeft | Load | ReplicaChanged, stay: _Stay
    ) -> None:
        match entry:
            case WorkerNotice():
                stay.noticed_at = at
            case WorkerLeft():
                stay.left_at, stay.cause = at, entry.cause
            case Load():
                if entry.tier == "disk":
                    return  # Only its files, while the worker computes with another context.
                if stay.load_begun_at is None and self._is_needed(entry.context):
                    stay.load_begun_at = at
            case ReplicaChanged(status="warm", tier=tier) if tier != "disk":
                if stay.load_seconds is None and self._is_needed(entry.context):
                    begun = stay.load_begun_at
                    stay.load_seconds = 0.0 if begun is None else at - begun

    def _is_needed(self, context: str) -> bool:
        return self.opened is None or context == self.opened.context


def reconstruct(log: Log, costs: NDArray[np.float64], timings: Sequence[ItemTiming]) -> Replay:
    """The scenario of one sitting of a run.

    ``costs``: what the scheduler was told of the run's items, shape (items,); ``timings``: of those
    that got their results in the sitting. Only these are in the scenario, in their order. Speeds
    are relative to the mean of all: an item's reference seconds are what it took, times the speed
    of the worker on which it did. Raises ValueError if the run was not opened or not ended in the
    log, or nothing was done.
    """
    told = _Told()
    for at, entry in log:
        told.take(at, entry)
    opened = told.opened
    if opened is None or told.finished_at is None or not timings:
        raise ValueError("the log has no run that was opened, worked on and ended")
    timings = sorted(timings)
    _measure_speeds(told.stays, timings, costs)
    stays = {
        name: stay
        for name, stay in told.stays.items()
        if stay.cause != "refused" and suits(stay.capacity, opened.requirements)
    }
    speeds = _speeds(stays)
    loads = [stay.load_seconds for stay in stays.values() if stay.load_seconds]
    load_seconds = median(loads) if loads else 0.0
    mean_speed = {t.worker: speeds.get(t.worker, 1.0) for t in timings}
    items = np.array([timing.item for timing in timings])
    scenario = Scenario(
        classes={
            name: _class(stay, speeds[name], _load_factor(stay, load_seconds, stays))
            for name, stay in stays.items()
        },
        visits=tuple(
            _visit(name, stay, told)
            for name, stay in sorted(stays.items(), key=lambda pair: pair[1].joined_at)
            if stay.joined_at < told.finished_at
        ),
        models={
            opened.context: Model(
                gpu_seconds=load_seconds, memory_bytes=opened.requirements.gpu_memory_bytes
            )
        },
        runs={
            opened.run: Workload(
                costs=np.array(
                    [max(t.seconds, SHORTEST_SECONDS) * mean_speed[t.worker] for t in timings]
                ),
                told=costs[items],
                context=opened.context,
                batch_items=opened.batch_items,
            )
        },
        latency_seconds=median(told.ways) / 2.0 if told.ways else 0.0,
        batch_seconds=_batch_seconds(told, timings),
    )
    return Replay(scenario, told.finished_at - told.opened_at)


def _measure_speeds(
    stays: Mapping[str, _Stay], timings: Sequence[ItemTiming], costs: NDArray[np.float64]
) -> None:
    cost: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for timing in timings:
        worker = timing.worker
        cost[worker] = cost.get(worker, 0.0) + float(costs[timing.item])
        seconds[worker] = seconds.get(worker, 0.0) + max(timing.seconds, SHORTEST_SECONDS)
    mean = sum(cost.values()) / sum(seconds.values())
    for worker, done in cost.items():
        if worker in stays:
            stays[worker].speed = done / seconds[worker] / mean


def _speeds(stays: Mapping[str, _Stay]) -> dict[str, float]:
    """By worker; where none was measured, its kind's mean, else that of all."""
    kinds: dict[str, list[float]] = {}
    for stay in stays.values():
        if stay.speed is not None:
            kinds.setdefault(stay.capacity.kind, []).append(stay.speed)
    return {
        name: stay.speed or fmean(kinds.get(stay.capacity.kind, [1.0]))
        for name, stay in stays.items()
    }


def _load_factor(stay: _Stay, load_seconds: float, stays: Mapping[str, _Stay]) -> float:
    """By which a load there differs from the median; 0 where the context was warm before."""
    if not load_seconds:
        return 1.0
    if stay.load_seconds is not None:
        return stay.load_seconds / load_seconds
    kind = [
        other.load_seconds
        for other in stays.values()
        if other.capacity.kind == stay.capacity.kind and other.load_seconds
    ]
    return median(kind) / load_seconds if kind else 1.0


def _class(stay: _Stay, speed: float, load_factor: float) -> WorkerClass:
    """One for each worker, since only classes have load times. The scheduler sees the kind."""
    capacity = stay.capacity
    plain = WorkerClass(kind=capacity.kind, speed=speed, load_factor=load_factor)
    if not capacity.gpus:
        return plain
    return WorkerClass(
        kind=capacity.kind,
        speed=speed,
        load_factor=load_factor,
        gpu_memory_bytes=capacity.gpu_memory_bytes,
    )


def _visit(name: str, stay: _Stay, told: _Told) -> Visit:
    assert told.finished_at is not None
    start = max(0.0, stay.joined_at - told.opened_at)
    if stay.left_at >= told.finished_at:
        return Visit(kind=name, start_seconds=start)
    notice = 0.0
    if stay.cause != "lost":
        since = stay.noticed_at
        notice = LET_GO_SECONDS if since is None else max(stay.left_at - since, LET_GO_SECONDS)
    return Visit(
        kind=name,
        start_seconds=start,
        end_seconds=stay.left_at - told.opened_at,
        notice_seconds=notice,
    )


def _batch_seconds(told: _Told, timings: Sequence[ItemTiming]) -> float:
    """What a batch takes besides its items (median), of those all of whose items are known."""
    seconds: dict[int, float] = {}
    count: dict[int, int] = {}
    for timing in timings:
        seconds[timing.batch] = seconds.get(timing.batch, 0.0) + timing.seconds
        count[timing.batch] = count.get(timing.batch, 0) + 1
    rest = [
        max(0.0, told.run_seconds[batch] - seconds[batch])
        for batch, items in count.items()
        if batch in told.run_seconds and items == told.item_count.get(batch)
    ]
    return median(rest) if rest else 0.0
