"""What each policy is worth: pcm without it, over pcm, on simulated pools.

A figure is the time that a run takes without the policy over that with it (the mean over the runs,
where there are several), the median over seeds: 1.05 says that runs take 5 % longer without. Pools
are some of ``evaluations bound``, and others of short runs, hasty zones, walltimes and many models,
where single policies weigh more. The sweep does the same for batches of a fixed length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.ablation.measuring import measure
from evaluations.ablation.pools import OWN, POOLS
from evaluations.base import Target

SEEDS = 4
SEEDS_OF_SMALL = 12


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    return measure({name: SEEDS_OF_SMALL if name in OWN else SEEDS for name in POOLS}, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """One seed of one pool: as little as shows that it works."""
    return measure({"short": 1}, say)
