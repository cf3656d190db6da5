"""The baselines do all the work, and what is said of each is true."""

from __future__ import annotations

import numpy as np
import pytest

from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import Decider, Model, Outcome, Visit, Workload, simulate
from pcm.engines.simulated.baselines import (
    ColdEveryBatch,
    FirstComeWarm,
    RandomWarm,
    StaticShards,
    TaskVineOwn,
)
from tests.engines.simulated.scenarios import scenario, stays

MAKERS = [
    lambda: ColdEveryBatch(10),
    lambda: TaskVineOwn(10),
    lambda: RandomWarm(10),
    lambda: FirstComeWarm(10),
    lambda: StaticShards(10, 3),
]


@pytest.mark.parametrize("make", MAKERS)
def test_all_is_done_though_workers_go(make: type[Decider]) -> None:
    visits = [
        Visit(kind="slow", start_seconds=0.0, end_seconds=33.0),
        Visit(kind="fast", start_seconds=1.0, end_seconds=40.0, notice_seconds=4.0),
        stays("slow", 20.0),
        stays("fast", 50.0),
    ]
    found = simulate(scenario(*visits, items=205), make())
    assert found.items == 205
    assert found.efficiency < 1.0
    assert found.evictions == 2


def two_contexts(decider: Decider) -> Outcome:
    """Batches of two contexts in turn, on a GPU that could hold both."""
    model = Model(gpu_seconds=5.0, memory_bytes=1 << 30)
    runs = {name: Workload(costs=np.ones(50), context=name) for name in "ab"}
    return simulate(scenario(stays("slow"), models=dict.fromkeys("ab", model), runs=runs), decider)


def test_cold_loads_for_every_batch() -> None:
    assert simulate(scenario(stays("slow")), ColdEveryBatch(10)).loads == 10


def test_taskvine_ends_the_other_context_on_sight() -> None:
    class Alternating(TaskVineOwn):
        def assign(self) -> None:
            self.waiting.rotate(-(len(self.waiting) // 2))
            super().assign()

    assert two_contexts(Alternating(10)).loads > two_contexts(Scheduler()).loads == 2


def test_static_shards_wait_for_the_slowest() -> None:
    visits = [stays("slow"), stays("fast"), stays("fast")]
    static = simulate(scenario(*visits, items=300), StaticShards(10, 3))
    shared = simulate(scenario(*visits, items=300), FirstComeWarm(10))
    assert static.makespan_seconds == pytest.approx(105.0, abs=1.0)
    assert shared.makespan_seconds < 75.0
