"""All simulations of the evaluation, and what follows from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from math import inf
from typing import Any, NamedTuple

import numpy as np

from evaluations.base import Target, at_least, at_most
from evaluations.skew.deciders import Lied, Watched
from evaluations.skew.pools import POOLS
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import simulate
from pcm.engines.simulated.scenario import Scenario

Say = Callable[[str], None]
NOTABLE = 1.01
"""A possible gain of less than this is none whose share could be told."""


class Case(NamedTuple):
    pool: str
    seed: int


class Seconds(NamedTuple):
    """Makespans of one seed."""

    without: float
    scored: float
    known: float
    well: float
    lied: float


def measure(seeds: Mapping[str, int], say: Say) -> tuple[dict[str, Any], list[Target]]:
    cases = [Case(pool, seed) for pool in seeds for seed in range(seeds[pool])]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as executor:
        found = dict(zip(cases, executor.map(_run, cases), strict=True))
    figures: dict[str, Any] = {"seeds": dict(seeds), "pools": {}}
    for pool in seeds:
        total = np.sum([seconds for case, seconds in found.items() if case.pool == pool], axis=0)
        by = Seconds(*total.tolist())
        figures["pools"][pool] = of_pool(by)
        say(f"{pool}: {figures['pools'][pool]}")
    return figures, targets(figures["pools"])


def of_pool(by: Seconds) -> dict[str, float]:
    """From the sums of all seeds."""
    possible = by.without - by.known
    return {
        "without_over_known": round(by.without / by.known, 4),
        "scored_over_known": round(by.scored / by.known, 4),
        "share_of_possible_gain": round((by.without - by.scored) / possible, 3) if possible else 0,
        "lied_over_well": round(by.lied / by.well, 4),
    }


def targets(pools: Mapping[str, Mapping[str, float]]) -> list[Target]:
    expected = []
    for name, figures in pools.items():
        if figures["without_over_known"] >= NOTABLE:
            share = figures["share_of_possible_gain"]
            expected.append(at_least(f"{name}: share of the possible gain", share, 0.8))
        harm = figures["lied_over_well"] - 1.0
        expected.append(at_most(f"{name}: harm of telemetry that lies at random", harm, 0.03))
    return expected


def _run(case: Case) -> Seconds:
    pool = POOLS[case.pool]

    def made(*, known: bool = False) -> Scenario:
        return pool(np.random.default_rng(case.seed), known)

    blind, rng = made(), np.random.default_rng(case.seed + 10_000)
    well = replace(blind, visits=tuple(replace(v, slow_from_seconds=inf) for v in blind.visits))
    return Seconds(
        without=simulate(blind, Scheduler()).makespan_seconds,
        scored=simulate(blind, Watched(blind, rng)).makespan_seconds,
        known=simulate(made(known=True), Scheduler()).makespan_seconds,
        well=simulate(well, Scheduler()).makespan_seconds,
        lied=simulate(well, Lied(rng)).makespan_seconds,
    )
