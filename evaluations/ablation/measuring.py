"""All simulations of the evaluation, and what follows from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from evaluations.ablation.pools import POOLS
from evaluations.ablation.variants import SWEEP, VARIANTS, Variant
from evaluations.base import Target, at_least, at_most
from pcm.engines.simulated import Stranded, simulate

Say = Callable[[str], None]
WHOLE = Variant("nothing")
NEVER_SECONDS = 1e9
"""What never ends."""
WORTH = 1.005
"""A policy that is worth less everywhere is worth nothing."""


class Case(NamedTuple):
    pool: str
    variant: int
    seed: int


ALL = (WHOLE, *VARIANTS, *SWEEP)


def measure(seeds: Mapping[str, int], say: Say) -> tuple[dict[str, Any], list[Target]]:
    """Every variant on pools, each for so many seeds; all cores compute."""
    cases = [
        Case(pool, variant, seed)
        for pool in seeds
        for variant in range(len(ALL))
        for seed in range(seeds[pool])
    ]
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as executor:
        found = dict(zip(cases, executor.map(_run_seconds, cases), strict=True))
    figures: dict[str, Any] = {"seeds": dict(seeds), "without": {}, "batch_seconds": {}}
    for number, variant in enumerate(ALL[1:], 1):
        kind = "without" if variant in VARIANTS else "batch_seconds"
        figures[kind][variant.without] = {
            pool: round(_ratio(found, pool, number, seeds[pool]), 4) for pool in seeds
        }
        least, most = (f(figures[kind][variant.without].values()) for f in (min, max))
        say(f"without {variant.without}: {least:.3f} to {most:.3f}")
    return figures, targets(figures)


def _ratio(found: dict[Case, float], pool: str, variant: int, seeds: int) -> float:
    return median(
        found[Case(pool, variant, seed)] / found[Case(pool, 0, seed)] for seed in range(seeds)
    )


def _run_seconds(case: Case) -> float:
    variant = ALL[case.variant]
    scenario = variant.scenario(POOLS[case.pool](np.random.default_rng(case.seed)))
    try:
        return simulate(scenario, variant.decider()).waiting_seconds
    except Stranded:
        return NEVER_SECONDS


def targets(figures: dict[str, Any]) -> list[Target]:
    """Every policy is worth something somewhere; no fixed batch length is better than the rule."""
    expected = [
        at_least(f"where it helps most, time without {what} over with", worth, WORTH)
        for what, worth in ((what, max(by.values())) for what, by in figures["without"].items())
    ]
    lengths = figures["batch_seconds"]
    for pool in next(iter(lengths.values())):
        best = min(lengths, key=lambda length: float(lengths[length][pool]))
        what = f"batch length by rule over the best fixed one on {pool} ({best})"
        expected.append(at_most(what, 1.0 / lengths[best][pool], 1.01))
    return expected
