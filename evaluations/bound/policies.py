"""Whom is compared: pcm, and what others do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import Decider, Scenario
from pcm.engines.simulated.baselines import (
    ColdEveryBatch,
    FirstComeWarm,
    RandomWarm,
    StaticShards,
    TaskVineOwn,
)

BATCH_ITEMS = (10, 100)
"""Baselines have the better of these, pool by pool; pcm is given no batch size."""


def shards(scenario: Scenario) -> int:
    """As many as there are workers at once, at most."""
    changes = sorted(
        change
        for visit in scenario.visits
        for change in ((visit.start_seconds, 1), (visit.end_seconds, -1))
    )
    there = most = 0
    for _, change in changes:
        there += change
        most = max(most, there)
    return most


BASELINES: dict[str, Callable[[Scenario, int], Decider]] = {
    "cold every batch": lambda scenario, items: ColdEveryBatch(items),
    "TaskVine's own": lambda scenario, items: TaskVineOwn(items),
    "random warm": lambda scenario, items: RandomWarm(items),
    "first-come warm": lambda scenario, items: FirstComeWarm(items),
    "static shards": lambda scenario, items: StaticShards(items, shards(scenario)),
}

PCM, MISLED = "pcm", "pcm, costs off by up to 2"

POLICIES: dict[str, Callable[[Scenario], Decider]] = {
    PCM: lambda scenario: Scheduler(),
    MISLED: lambda scenario: Scheduler(),
} | {
    f"{name}, {items}": partial(lambda make, n, scenario: make(scenario, n), make, items)
    for name, make in BASELINES.items()
    for items in BATCH_ITEMS
}


def mislead(scenario: Scenario, rng: np.random.Generator) -> Scenario:
    """The scheduler is told costs that are wrong, each by a factor of its own between 1/2 and 2."""
    runs = {
        name: replace(run, told=run.costs * np.exp(rng.uniform(-1, 1, len(run.costs)) * np.log(2)))
        for name, run in scenario.runs.items()
    }
    return replace(scenario, runs=runs)
