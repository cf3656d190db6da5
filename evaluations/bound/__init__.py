"""How far schedulers stay from what none could beat, on simulated pools.

Efficiency is the clairvoyant bound over the makespan, in the simulator of ``pcm.engines.simulated``
with pcm's own core; ``pools`` says what the pools are. Spot traces and request traces are of others
and not part of the project: without them, the pools that need them are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.bound.measuring import measure
from evaluations.bound.pools import POOLS

SEEDS = 20


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    return measure(SEEDS, POOLS, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """One seed of two pools: as little as shows that it works."""
    return measure(1, ("opportunistic", "steady"), say)
