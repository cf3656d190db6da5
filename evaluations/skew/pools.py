"""Pools of workers of which some become slow, and runs on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

import numpy as np
from numpy.typing import NDArray

from pcm.engines.simulated.scenario import Model, Scenario, Visit, WorkerClass, Workload

Rng = np.random.Generator
Pool = Callable[[Rng, bool], Scenario]
"""``(rng, known) -> scenario``: ``known`` has the scheduler told of slowness at once, exactly."""

CLASSES = {
    "a10": WorkerClass(kind="a10"),
    "a100": WorkerClass(kind="a100", speed=3.0),
}
MODELS: Mapping[str, Model] = {"model": Model(weights_bytes=1e9, host_seconds=5, gpu_seconds=5)}
SLOW_SHARE = 0.25
WORKERS = 32


def _visits(rng: Rng, kinds: list[str], begin: tuple[float, float], known: bool) -> list[Visit]:
    """All come within a minute; a quarter becomes two to six times slower."""
    slow = set(rng.permutation(len(kinds))[: int(SLOW_SHARE * len(kinds))].tolist())
    return [
        Visit(
            kind=kind,
            start_seconds=float(rng.uniform(0, 60)),
            fitness=float(np.exp(rng.normal(0.0, 0.05))),
            slow_from_seconds=float(rng.uniform(*begin)) if n in slow else inf,
            slow_factor=float(rng.uniform(2, 6)) if n in slow else 1.0,
            slowness_is_seen=known,
        )
        for n, kind in enumerate(kinds)
    ]


def _costs(rng: Rng, items: int, mean_seconds: float) -> NDArray[np.float64]:
    return np.asarray(rng.lognormal(0.0, 0.5, items) * mean_seconds / np.exp(0.125), np.float64)


def _scenario(visits: list[Visit], costs: NDArray[np.float64], batch: int | None) -> Scenario:
    return Scenario(
        classes=CLASSES,
        visits=tuple(visits),
        models=MODELS,
        runs={"run": Workload(costs=costs, batch_items=batch)},
    )


def long_items(rng: Rng, known: bool) -> Scenario:
    """Every item takes a minute: long documents, or long answers."""
    visits = _visits(rng, ["a10"] * WORKERS, (60, 400), known)
    return _scenario(visits, _costs(rng, 400, 60.0), None)


def fixed_batches(rng: Rng, known: bool) -> Scenario:
    """The user has chosen the batch, of 32 items and 96 seconds."""
    visits = _visits(rng, ["a10"] * WORKERS, (60, 400), known)
    return _scenario(visits, _costs(rng, 6_000, 3.0), 32)


def two_kinds(rng: Rng, known: bool) -> Scenario:
    """The same with GPUs of two speeds."""
    kinds = ["a10"] * (WORKERS - 8) + ["a100"] * 8
    visits = _visits(rng, kinds, (60, 300), known)
    return _scenario(visits, _costs(rng, 8_000, 3.0), 32)


def free_batches(rng: Rng, known: bool) -> Scenario:
    """pcm chooses the batches: they are short, and tell of slowness soon by themselves."""
    visits = _visits(rng, ["a10"] * WORKERS, (60, 400), known)
    return _scenario(visits, _costs(rng, 6_000, 3.0), None)


POOLS: dict[str, Pool] = {
    "long-items": long_items,
    "fixed-batches": fixed_batches,
    "two-kinds": two_kinds,
    "free-batches": free_batches,
}
