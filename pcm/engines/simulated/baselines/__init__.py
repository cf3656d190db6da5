"""Schedulers that pcm is compared with, in the same simulator: what others do, and what is plain.

All send batches of a fixed number of items, the next when the one before is done, and give what is
lost to whoever comes next. They differ in who gets a batch, and in what stays loaded.
"""

from __future__ import annotations

from pcm.engines.simulated.baselines.base import Baseline
from pcm.engines.simulated.baselines.cold import ColdEveryBatch
from pcm.engines.simulated.baselines.static import StaticShards
from pcm.engines.simulated.baselines.taskvine import TaskVineOwn
from pcm.engines.simulated.baselines.warm import FirstComeWarm, RandomWarm

__all__ = [
    "Baseline",
    "ColdEveryBatch",
    "FirstComeWarm",
    "RandomWarm",
    "StaticShards",
    "TaskVineOwn",
]
