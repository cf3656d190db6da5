"""Ray on this machine."""

from __future__ import annotations

import psutil
import ray

from evaluations.peers.sitting import Sitting

SPARE = 1
"""Cores besides those of the workers, for what Ray Data reads items with."""


def start(sitting: Sitting) -> None:
    """Without what runs beside it for people to look at."""
    sitting.versions["ray"] = ray.__version__
    ray.init(
        num_cpus=len(sitting.workload.speeds) + SPARE,
        include_dashboard=False,
        object_store_memory=200_000_000,
        log_to_driver=False,
        configure_logging=False,
    )


def begin(sitting: Sitting) -> None:
    """Time zero, when all actors are up. What is killed are processes below Ray's own."""
    sitting.await_up()
    sitting.begin(below=[p.pid for p in psutil.Process().children() if "raylet" in p.name()])
