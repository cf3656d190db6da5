"""pv0 to pv6 of the papers on pervasive context management: published, simulated for their own
policy, and for pcm.

Everything is simulated by ``pcm.engines.simulated``, with pcm's own core. What is not known is
calibrated on pv0 and pv1 alone (``calibration``); the rest is predicted. ``docs/paper.md`` says
what of it can be trusted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluations.base import Target
from evaluations.paper.measuring import measure
from evaluations.paper.published import BATCH_ITEMS

SEEDS = 9


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    return measure(SEEDS, BATCH_ITEMS, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """One seed, and no batches of one item: as little as shows that it works."""
    return measure(1, [100], say)
