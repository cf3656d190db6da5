"""Items that take their time, and more of it on a worker that is slow by then.

The answers of a batch come together at its end, as of an engine that computes whole batches: else
how they come would tell of slowness as well.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pcm


class Slowness(NamedTuple):
    """``since_seconds``: since 1970."""

    factor: float
    since_seconds: float


@pcm.context
def pace(slow: Mapping[str, tuple[float, float]]) -> Slowness:
    """Of the worker that loads it; ``slow``: those that become slow, by the worker's name."""
    return Slowness(*slow.get(os.environ["PCM_WORKER"], (1.0, 0.0)))


@pcm.task
def answer(slowness: Slowness, items: Sequence[int], *, seconds: float) -> list[int]:
    for _ in items:
        is_slow = time.time() >= slowness.since_seconds
        time.sleep(seconds * (slowness.factor if is_slow else 1.0))
    return [expected(item) for item in items]


def expected(item: int) -> int:
    return item * item + 1
