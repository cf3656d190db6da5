"""From logs whose scenario is known: written by hand, or by a simulation of it."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from numpy.typing import NDArray

from pcm.core.commands import Command, Dispatch, Finish, Load
from pcm.core.events import (
    BatchDone,
    Capacity,
    Event,
    LeaveCause,
    ReplicaChanged,
    Requirements,
    RunOpened,
    WorkerJoined,
    WorkerLeft,
    WorkerNotice,
)
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import Model, Scenario, Visit, WorkerClass, Workload, simulate
from pcm.engines.simulated.replay import ItemTiming, reconstruct

Logged = tuple[float, Event | Command]
COSTS = np.array([2.0, 4.0, 6.0, 8.0])


def joined(worker: str, kind: str = "cpu") -> WorkerJoined:
    return WorkerJoined(worker, Capacity(kind=kind))


def log_of(*told: Logged, finish: float = 30.0) -> list[Logged]:
    """Begins at 10 s on its clock."""
    return [
        (10.0, RunOpened("run", "c", batch_items=2)),
        *told,
        (10.0 + finish, Finish("run", "completed", 1)),
    ]


def two_batches() -> list[Logged]:
    """Both workers do what costs 10; the second takes half the time, the ways 0.4 s there and back,
    and a batch 0.1 s besides its items."""
    return [
        (11.0, joined("a", "slow")),
        (11.0, Load("a", "c", 1)),
        (12.0, joined("b", "fast")),
        (12.0, Load("b", "other", 1)),
        (12.0, Load("b", "c", 1)),
        (13.0, ReplicaChanged("a", "c", "gpu", "warm", 2.0)),
        (14.0, ReplicaChanged("b", "other", "gpu", "warm", 2.0)),
        (18.0, ReplicaChanged("b", "c", "gpu", "warm", 6.0)),
        (18.0, Dispatch(1, "run", "a", "c", ((0, 1), (3, 4)), 1, 0, 1.0)),
        (18.0, Dispatch(2, "run", "b", "c", ((1, 3),), 1, 0, 1.0)),
        (23.5, BatchDone(2, run_seconds=5.1)),
        (28.5, BatchDone(1, run_seconds=10.1)),
    ]


TIMINGS = [
    ItemTiming(1, "b", 2, 2.0),
    ItemTiming(2, "b", 2, 3.0),
    ItemTiming(0, "a", 1, 1.0),
    ItemTiming(3, "a", 1, 9.0),
]


def test_a_quiet_run() -> None:
    found = reconstruct(log_of(*two_batches()), COSTS, TIMINGS)
    scenario = found.scenario
    assert found.makespan_seconds == 30.0
    # 20 units in 15 s; the first does 1 per second, the other 2.
    slow, fast = scenario.classes["a"], scenario.classes["b"]
    assert (slow.kind, fast.kind) == ("slow", "fast")
    assert [slow.speed, fast.speed] == pytest.approx([0.75, 1.5])
    assert scenario.models == {"c": Model(gpu_seconds=4.0)}
    assert (slow.load_factor, fast.load_factor) == (0.5, 1.5)
    assert scenario.visits == (
        Visit(kind="a", start_seconds=1.0),
        Visit(kind="b", start_seconds=2.0),
    )
    run = scenario.runs["run"]
    assert run.costs == pytest.approx(np.array([0.75, 3.0, 4.5, 6.75]))
    assert run.told is not None
    assert run.told.tolist() == COSTS.tolist()
    assert (run.context, run.batch_items) == ("c", 2)
    assert scenario.latency_seconds == pytest.approx(0.2)
    assert scenario.batch_seconds == pytest.approx(0.1)


def test_files_that_come_ahead_are_no_load() -> None:
    told: list[Logged] = [
        (2.0, joined("a", "slow")),
        (2.0, Load("a", "c", 1, "disk")),
        (5.0, ReplicaChanged("a", "c", "disk", "warm")),
    ]
    log = [*told, *log_of(*two_batches())]
    assert reconstruct(log, COSTS, TIMINGS).scenario.models == {"c": Model(gpu_seconds=4.0)}


@pytest.mark.parametrize(("cause", "notice"), [("lost", 0.0), ("evicted", 3.0), ("retired", 3.0)])
def test_who_left_and_how(cause: LeaveCause, notice: float) -> None:
    told = two_batches()
    if notice:
        told.append((30.0, WorkerNotice("a", 9.0)))
    log = log_of(*told, (33.0, WorkerLeft("a", cause)))
    first, second = reconstruct(log, COSTS, TIMINGS).scenario.visits
    assert first == Visit(kind="a", start_seconds=1.0, end_seconds=23.0, notice_seconds=notice)
    assert second.end_seconds == inf


def test_who_was_there_and_warm_before_and_who_came_for_nothing() -> None:
    told: list[Logged] = [
        (9.0, joined("a")),
        (9.0, ReplicaChanged("a", "c", "gpu", "warm")),
        (20.0, joined("b")),
        (21.0, WorkerLeft("b", "refused")),
        (22.0, joined("d")),
        (22.0, Load("d", "c", 1)),
        (24.0, ReplicaChanged("d", "c", "gpu", "warm", 2.0)),
        (25.0, joined("e")),
        (40.5, joined("too late")),
    ]
    timings = [ItemTiming(0, "a", 1, 1.0), ItemTiming(1, "a", 1, 3.0)]
    scenario = reconstruct(log_of(*told), COSTS, timings).scenario
    assert [(v.kind, v.start_seconds) for v in scenario.visits] == [
        ("a", 0.0),
        ("d", 12.0),
        ("e", 15.0),
    ]
    factors = {name: scenario.classes[name].load_factor for name in "ade"}
    assert factors == {"a": 0.0, "d": 1.0, "e": 1.0}
    # What only one was seen to do, its fellows are held to do as well.
    assert {scenario.classes[name].speed for name in "ade"} == {1.0}
    assert scenario.runs["run"].costs.tolist() == [1.0, 3.0]  # of the others nothing is known


def test_workers_that_the_context_does_not_suit_are_left_out() -> None:
    log: list[Logged] = [
        (0.0, RunOpened("run", "c", requirements=Requirements(gpus=1, gpu_memory_bytes=4 << 30))),
        (0.0, joined("small")),
        (0.0, WorkerJoined("big", Capacity(kind="gpu", gpus=1, gpu_memory_bytes=8 << 30))),
        (9.0, Finish("run", "completed", 1)),
    ]
    scenario = reconstruct(log, COSTS, [ItemTiming(0, "big", 1, 1.0)]).scenario
    assert list(scenario.classes) == ["big"]
    assert scenario.classes["big"].gpu_memory_bytes == 8 << 30
    assert scenario.models["c"].memory_bytes == 4 << 30


def test_without_an_end_there_is_nothing_to_compare_with() -> None:
    with pytest.raises(ValueError, match="ended"):
        reconstruct(log_of(*two_batches())[:-1], COSTS, TIMINGS)
    with pytest.raises(ValueError, match="ended"):
        reconstruct(log_of(*two_batches()), COSTS, [])


class Recorded:
    """pcm's scheduler, and the log of what it was told and commanded."""

    def __init__(self) -> None:
        self.log: list[Logged] = []
        self._scheduler = Scheduler()

    def handle(self, event: Event, now: float) -> list[Command]:
        commands = self._scheduler.handle(event, now)
        self.log += [(now, event), *((now, command) for command in commands)]
        return commands

    def next_deadline(self) -> float | None:
        return self._scheduler.next_deadline()


def timed(log: list[Logged], scenario: Scenario, costs: NDArray[np.float64]) -> list[ItemTiming]:
    """What the items took where they were first done: in batches that are known to have ended, and
    in the last ones, of whose end nobody heard any more."""
    batches = {entry.batch: entry for _, entry in log if isinstance(entry, Dispatch)}
    ended = [entry.batch for _, entry in log if isinstance(entry, BatchDone)]
    ended += sorted(batches, reverse=True)
    found: dict[int, ItemTiming] = {}
    for batch in ended:
        order = batches[batch]
        visit = scenario.visits[int(order.worker[1:])]
        speed = scenario.classes[visit.kind].speed * visit.fitness
        for start, stop in order.ranges:
            for item in range(start, stop):
                timing = ItemTiming(item, order.worker, batch, costs[item] / speed)
                found.setdefault(item, timing)
    return list(found.values())


@pytest.mark.parametrize("seed", range(3))
def test_a_simulation_replayed_takes_as_long(seed: int) -> None:
    rng = np.random.default_rng(seed)
    costs = rng.lognormal(0.0, 1.0, 2000)
    visits = [
        Visit(kind=kind, start_seconds=float(rng.uniform(0.0, 30.0)), fitness=fitness)
        for kind, fitness in (("fast", 1.0), ("fast", 0.8), ("slow", 1.0), ("slow", 1.2))
    ]
    visits[2] = replace(visits[2], end_seconds=200.0)
    scenario = Scenario(
        classes={
            "fast": WorkerClass(kind="fast", speed=3.0, load_factor=0.5),
            "slow": WorkerClass(kind="slow"),
        },
        visits=tuple(visits),
        models={"c": Model(gpu_seconds=20.0)},
        runs={"run": Workload(costs=costs, context="c")},
        salvage_seconds=inf,  # so that all results are those of whole batches
    )
    recorded = Recorded()
    outcome = simulate(scenario, recorded)
    log: list[Logged] = [*recorded.log, (outcome.makespan_seconds, Finish("run", "completed", 1))]
    found = reconstruct(log, costs, timed(log, scenario, costs))
    copy = found.scenario
    speeds = [scenario.classes[v.kind].speed * v.fitness for v in scenario.visits]
    relative = [copy.classes[f"w{number}"].speed for number in range(4)]
    assert np.divide(relative, speeds) == pytest.approx(np.full(4, relative[0] / speeds[0]))
    assert copy.latency_seconds == pytest.approx(scenario.latency_seconds, abs=1e-6)
    assert copy.batch_seconds == pytest.approx(scenario.batch_seconds, abs=1e-6)
    again = simulate(replace(copy, salvage_seconds=inf), Scheduler())
    assert again.makespan_seconds == pytest.approx(found.makespan_seconds, rel=0.01)
