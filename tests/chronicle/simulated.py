"""Logs of simulated runs, as a manager would have written them, and scenarios to simulate."""

from __future__ import annotations

from math import inf
from typing import Any

import msgspec
import numpy as np

from pcm.core.commands import Command
from pcm.core.events import Event, Tick
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import Model, Scenario, Visit, WorkerClass, Workload, simulate
from pcm.engines.simulated.availability import from_curve, from_rates
from pcm.journal import LoggedEvent

BEGIN = 1_700_000_000.0
RUN = "run"


class Recorder:
    """A scheduler that writes down what it is told and what it commands."""

    def __init__(self) -> None:
        self._scheduler = Scheduler()
        self._encoder = msgspec.json.Encoder(enc_hook=_counted)
        self.log: list[LoggedEvent] = []
        self._write(0.0, "ManagerStarted", b"{}")

    def handle(self, event: Event, now: float) -> list[Command]:
        commands = self._scheduler.handle(event, now)
        for entry in (event, *commands):
            if not isinstance(entry, Tick):
                self._write(now, type(entry).__name__, self._encoder.encode(entry))
        return commands

    def next_deadline(self) -> float | None:
        return self._scheduler.next_deadline()

    def _write(self, now: float, kind: str, body: bytes) -> None:
        self.log.append(LoggedEvent(len(self.log) + 1, BEGIN + now, kind, body))


def log_of(scenario: Scenario) -> list[LoggedEvent]:
    recorder = Recorder()
    simulate(scenario, recorder)
    last = recorder.log[-1]
    return [*recorder.log, LoggedEvent(last.seq + 1, last.at, "ManagerStopped", b"{}")]


def _counted(value: Any) -> Any:
    return {"count": int(value.size), "sum": float(value.sum())}


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
