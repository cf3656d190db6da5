"""A model that only sleeps, at the speed of the emulated GPU that it is on."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pcm


@pcm.context
def model(load_seconds: float, speeds: Mapping[str, float]) -> float:
    """Takes so long to load; gives the speed of this worker, by what it says its GPU is."""
    time.sleep(load_seconds)
    (gpu,) = json.loads(os.environ["PCM_ACCELERATORS"])
    return speeds[gpu["name"]]


@pcm.task
def answer(speed: float, items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Sleeps for an item's cost."""
    for item in items:
        time.sleep(item["cost"] / speed)
        yield expected(item["id"])


def expected(id_: int) -> str:
    return hashlib.sha256(str(id_).encode()).hexdigest()[:16]


def items(costs: Sequence[float]) -> list[dict[str, Any]]:
    return [{"id": id_, "cost": cost} for id_, cost in enumerate(costs)]
