"""All simulations of the evaluation, and what is expected of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from evaluations import traces
from evaluations.base import Target, at_least
from evaluations.bound.policies import BASELINES, BATCH_ITEMS, MISLED, PCM, POLICIES, mislead
from evaluations.bound.pools import POOLS, TRACED
from pcm.engines.simulated import Stranded, simulate

Say = Callable[[str], None]


class Case(NamedTuple):
    pool: str
    policy: str
    seed: int


def measure(seeds: int, pools: Iterable[str], say: Say) -> tuple[dict[str, Any], list[Target]]:
    """Every policy on every pool, for so many seeds; all cores compute."""
    chosen = [name for name in pools if name not in TRACED or traces.directory() is not None]
    skipped = sorted(set(pools) - set(chosen))
    if skipped:
        say(f"skipped, for want of traces ({traces.PLACE} names their directory): {skipped}")
    cases = [Case(pool, policy, s) for pool in chosen for s in range(seeds) for policy in POLICIES]
    found: dict[tuple[str, str], list[float]] = {}
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as executor:
        for case, efficiency in zip(cases, executor.map(_efficiency, cases), strict=True):
            found.setdefault((case.pool, case.policy), []).append(efficiency)
            if (case.seed, case.policy) == (seeds - 1, list(POLICIES)[-1]):
                say(_line(case.pool, _of_pool(found, case.pool)))
    figures = {pool: _of_pool(found, pool) for pool in chosen}
    return {"seeds": seeds, "skipped": skipped, "pools": figures}, targets(figures)


def _efficiency(case: Case) -> float:
    """Bound over makespan; 0 where the work is never done."""
    rng = np.random.default_rng(case.seed)
    scenario = POOLS[case.pool](rng)
    if case.policy == MISLED:
        scenario = mislead(scenario, rng)
    try:
        return simulate(scenario, POLICIES[case.policy](scenario)).efficiency
    except Stranded:
        return 0.0


def _of_pool(found: dict[tuple[str, str], list[float]], pool: str) -> dict[str, Any]:
    """Median and worst efficiency by policy; baselines with the better batch size."""
    figures = {name: _summary(found[pool, name]) for name in (PCM, MISLED)}
    for name in BASELINES:
        sizes = [_summary(found[pool, f"{name}, {items}"]) for items in BATCH_ITEMS]
        figures[name] = max(sizes, key=lambda one: one["median"])
    return figures


def _summary(values: list[float]) -> dict[str, float]:
    return {"median": round(median(values), 4), "worst": round(min(values), 4)}


def _line(pool: str, figures: dict[str, Any]) -> str:
    return f"{pool}: " + ", ".join(f"{name} {one['median']:.3f}" for name, one in figures.items())


def targets(figures: dict[str, Any]) -> list[Target]:
    """What is expected of pcm, by the pool where it does worst."""

    def least(what: str, value: Callable[[dict[str, Any]], float], bound: float) -> Target:
        pool = min(figures, key=lambda name: value(figures[name]))
        return at_least(f"{what} (pool {pool})", value(figures[pool]), bound)

    return [
        least("median efficiency of pcm", lambda one: one[PCM]["median"], 0.95),
        least("worst efficiency of pcm", lambda one: one[PCM]["worst"], 0.85),
        least(
            "pcm over the best baseline, medians",
            lambda one: one[PCM]["median"] / max(one[name]["median"] for name in BASELINES),
            0.99,
        ),
        least(
            "pcm with wrong costs over pcm, medians",
            lambda one: one[MISLED]["median"] / one[PCM]["median"],
            0.97,
        ),
    ]
