"""The pools on which policies are switched off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evaluations.bound import pools
from evaluations.bound.pools import Pool
from pcm.engines.simulated import Scenario, Workload
from pcm.engines.simulated.availability import from_rates


def short(rng: np.random.Generator) -> Scenario:
    """A few minutes of work for mixed GPUs, half of whose cost is in a twentieth of the items."""
    scenario = pools.steady(rng)
    costs = pools.costs(rng, 3000, mean=2.0, sigma=1.6)
    return replace(scenario, runs={"run": Workload(costs=costs)})


def short_contexts(rng: np.random.Generator) -> Scenario:
    """Three models, a few minutes of work for each, and machines that come and go."""
    scenario = pools.contexts(rng)
    runs = {name: Workload(costs=pools.costs(rng, 3000), context=name) for name in scenario.models}
    return replace(scenario, runs=runs)


def local(rng: np.random.Generator) -> Scenario:
    """Items of milliseconds, as a small model has them, on machines that come and go."""
    visits = from_rates(
        ["a100"] * 4 + ["a10"] * 8 + ["titan"] * 4,
        rng,
        until_seconds=3000,
        stay_seconds=300,
        away_seconds=60,
    )
    return pools.scenario(visits, pools.costs(rng, 200_000, mean=0.02))


POOLS: dict[str, Pool] = {
    "short": short,
    "short-contexts": short_contexts,
    "small-items": local,
    **{
        name: pools.POOLS[name]
        for name in ("opportunistic", "evictions", "fierce", "waves", "contexts", "crowd")
    },
}
