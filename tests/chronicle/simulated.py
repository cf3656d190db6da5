"""Logs of simulated runs, as a manager would have written them, and scenarios to simulate."""

from __future__ import annotations

from math import inf

import numpy as np

from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import Model, Recording, Scenario, Visit, WorkerClass, Workload, simulate
from pcm.engines.simulated.availability import from_curve, from_rates
from pcm.journal import LoggedEvent

BEGIN = 1_700_000_000.0
RUN = "run"


def log_of(scenario: Scenario) -> list[LoggedEvent]:
    log: list[LoggedEvent] = []

    def write(now: float, kind: str, body: bytes = b"{}") -> None:
        log.append(LoggedEvent(len(log) + 1, BEGIN + now, kind, body))

    write(0.0, "ManagerStarted")
    simulate(scenario, Recording(Scheduler(), write))
    write(log[-1].at - BEGIN, "ManagerStopped")
    return log


def scenario(
    visits: list[Visit],
    items: int,
    rng: np.random.Generator,
    *,
    spread: float = 0.0,
    told: bool = True,
    load_seconds: float = 20.0,
    salvage: bool = False,
) -> Scenario:
    """``spread``: sigma of the logarithm of the items' costs; ``told``: whether these are known."""
    costs = rng.lognormal(0.0, spread, items)
    return Scenario(
        classes={
            "slow": WorkerClass(kind="slow", speed=0.5),
            "fast": WorkerClass(kind="fast", speed=1.5),
        },
        visits=tuple(visits),
        models={"model": Model(gpu_seconds=load_seconds)},
        runs={RUN: Workload(costs=costs, told=None if told else np.ones(items))},
        salvage_seconds=0.1 if salvage else inf,
    )


def steady(workers: int) -> list[Visit]:
    return [Visit(kind="fast" if n % 3 else "slow", start_seconds=0.5 * n) for n in range(workers)]


def evicted(workers: int, rng: np.random.Generator, stay_seconds: float) -> list[Visit]:
    kinds = ["fast" if n % 3 else "slow" for n in range(workers)]
    return from_rates(
        kinds, rng, until_seconds=1e5, stay_seconds=stay_seconds, away_seconds=stay_seconds / 2,
        fitness_sigma=0.1,
    )  # fmt: skip


def growing(workers: int, seconds: float) -> list[Visit]:
    return from_curve([(0.0, max(1, workers // 5)), (seconds, workers)], ["fast", "slow"])
