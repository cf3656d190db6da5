"""Small scenarios."""

from __future__ import annotations

from typing import Any

import numpy as np

from pcm.engines.simulated import Model, Scenario, Visit, WorkerClass, Workload

CLASSES = {
    "fast": WorkerClass(kind="fast", speed=2.0, load_factor=0.5),
    "slow": WorkerClass(kind="slow"),
}


def scenario(*visits: Visit, items: int = 100, load_seconds: float = 5.0, **given: Any) -> Scenario:
    """Items of one reference second each, unless ``runs`` says otherwise."""
    given.setdefault("models", {"model": Model(gpu_seconds=load_seconds)})
    given.setdefault("runs", {"run": Workload(costs=np.ones(items))})
    return Scenario(classes=CLASSES, visits=visits, **given)


def stays(kind: str, start: float = 0.0, **given: Any) -> Visit:
    return Visit(kind=kind, start_seconds=start, **given)
