"""A model that only sleeps, at the speed of the simulated GPU that it is on."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pcm


@pcm.context
def model(load_seconds: float, speeds: Mapping[str, float]) -> float:
    """Takes so long to load; gives the speed of this machine, by the first part of its name."""
    time.sleep(load_seconds)
    ad = Path(os.environ["_CONDOR_MACHINE_AD"]).read_text(encoding="utf-8")
    found = re.search(r'^Machine = "(\w+)', ad, re.MULTILINE)
    if found is None:
        raise ValueError("the machine's ad has no name")
    return speeds[found[1]]


@pcm.task
def answer(speed: float, items: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Sleeps for an item's cost; says since when and until when it took."""
    for item in items:
        began = time.time()
        time.sleep(item["cost"] / speed)
        yield {"answer": expected(item["id"]), "began": began, "ended": time.time()}


def expected(id_: int) -> str:
    return hashlib.sha256(str(id_).encode()).hexdigest()[:16]


def items(costs: Sequence[float]) -> list[dict[str, Any]]:
    return [{"id": id_, "cost": cost} for id_, cost in enumerate(costs)]
