"""Traces of others that evaluations read: where they are, and what they say."""

from __future__ import annotations

import csv
import json
import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PLACE = "PCM_TRACES"
"""The variable that names their directory; else ``shared/data/traces`` beside the checkout."""


class Counts(NamedTuple):
    """How many machines there were, per tick."""

    counts: NDArray[np.int64]
    gap_seconds: float
    kind: str


def directory() -> Path | None:
    """None where there are none."""
    beside = Path(__file__).parents[2] / "shared" / "data" / "traces"
    place = Path(os.environ.get(PLACE, beside))
    return place if (place / "spot").is_dir() else None


@cache
def spot(nodes: int) -> list[Counts]:
    """SkyPilot's spot traces ("Can't Be Late", NSDI 2024) of so many nodes."""
    place = directory()
    found = []
    for path in sorted((place / "spot").glob(f"*--{nodes}-node--*.json")) if place else ():
        trace = json.loads(path.read_text())
        kind = path.stem.rsplit("_", 2)[1]
        found.append(Counts(np.array(trace["data"]), trace["metadata"]["gap_seconds"], kind))
    return found


@cache
def requests() -> NDArray[np.int64]:
    """Azure's traces of 2023 (CC BY 4.0), shape (requests, 2): tokens read, tokens written."""
    place = directory()
    rows = []
    for path in sorted((place / "llm").glob("*.csv")) if place else ():
        with path.open(encoding="utf-8") as file:
            rows += [
                (int(row["ContextTokens"]), int(row["GeneratedTokens"]))
                for row in csv.DictReader(file)
            ]
    return np.array(rows, np.int64).reshape(-1, 2)
