"""What the skew score is worth: runs with workers that become slow, without telemetry, with it, and
with the slowness known at once and exactly.

Simulated, with pcm's own core, runbook and scores: a worker that becomes slow gives readings as
such a machine would (``signs``); nothing else tells. A possible gain is what knowing saves over not
knowing; the score's share of it is counted over all seeds of a pool. What telemetry costs that lies
is measured with workers that are all well, and scores that come and go at random (``lies``).

Then, where TaskVine is, the same with real workers (``real``): figures under ``real``, which says
why there are none elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from evaluations.base import Target
from evaluations.in_the_root import taskvine_problem
from evaluations.skew.measuring import measure
from evaluations.skew.pools import POOLS
from evaluations.skew.real.plan import FULL, QUICK, Plan

SEEDS = 40


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    return _both(dict.fromkeys(POOLS, SEEDS), FULL, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """One seed of the smallest pool, and a few real workers: as little as shows that it works."""
    return _both({"long-items": 1}, QUICK, say)


def _both(
    seeds: Mapping[str, int], plan: Plan, say: Callable[[str], None]
) -> tuple[dict[str, Any], list[Target]]:
    figures, targets = measure(seeds, say)
    if problem := taskvine_problem():
        say(f"not on real workers: {problem}; run it by tests/cluster/enter")
        return figures | {"real": {"missing": problem}}, targets
    real = import_module("evaluations.skew.real.measuring")  # with the manager and its engine
    found, expected = real.measure(plan, say)
    return figures | {"real": found}, [*targets, *expected]
