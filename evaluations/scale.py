"""What a decision costs the manager, and how that grows with workers and items.

The core decides for a simulated cluster in which workers come, load, compute, and some are taken;
every event that it handles is timed, on this machine's clock. *Decisions* are those events whose
answer was to send a batch. Every worker does about as many batches, whatever the numbers, so that
more items are cheaper ones. Memory is the greatest of the whole process, the simulator's share of
it included; *core* is what the scheduler alone takes for items that wait.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from evaluations.base import Target, at_most
from pcm.core.commands import Command, Dispatch
from pcm.core.events import Event, ItemsAdded, RunOpened
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import Model, Scenario, WorkerClass, Workload, simulate
from pcm.engines.simulated.availability import from_rates

SIZES = (
    *((100, 10**5), (1_000, 10**5), (10_000, 10**5)),
    *((100, 10**6), (1_000, 10**6), (10_000, 10**6), (10_000, 10**7)),
)
QUICK_SIZES = ((10, 10**3), (50, 10**4))
BATCHES_PER_WORKER = 15
BATCH_SECONDS = 6.0
"""About what the core makes of its defaults; only the amount of work follows from it."""
ROOT = Path(__file__).parents[1]


class Timed:
    """A scheduler whose every answer is timed."""

    def __init__(self) -> None:
        self._scheduler = Scheduler()
        self.events: list[int] = []
        """Nanoseconds."""
        self.decisions: list[int] = []

    def handle(self, event: Event, now: float) -> list[Command]:
        begun = time.perf_counter_ns()
        commands = self._scheduler.handle(event, now)
        spent = time.perf_counter_ns() - begun
        self.events.append(spent)
        if any(isinstance(command, Dispatch) for command in commands):
            self.decisions.append(spent)
        return commands

    def next_deadline(self) -> float | None:
        return self._scheduler.next_deadline()


def evaluate(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    return _evaluate(SIZES, 10**7, say)


def quick(say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """As little as shows that it works; its figures mean nothing."""
    return _evaluate(QUICK_SIZES, 10**4, say)


def _evaluate(
    sizes: tuple[tuple[int, int], ...], held: int, say: Callable[[str], None]
) -> tuple[dict[str, Any], list[Target]]:
    figures: dict[str, Any] = {"sizes": [], "core_bytes_of_waiting_items": _apart("hold", held)}
    for workers, items in sizes:
        found = _apart("run", workers, items)
        figures["sizes"].append(found)
        p50, p99 = (found["decision_us"][what] for what in ("p50", "p99"))
        say(f"{workers:,} workers, {items:,} items: decision p50 {p50:.0f} us, p99 {p99:.0f} us")
    return figures, targets(figures["sizes"])


def targets(sizes: list[dict[str, Any]]) -> list[Target]:
    most = max(one["workers"] for one in sizes)
    largest = [one for one in sizes if one["workers"] == most]
    items = max(one["items"] for one in sizes)
    memory = max(one["memory_bytes"] for one in sizes if one["items"] == items)
    return [
        at_most(
            f"decision at {most:,} workers, {what} [us]",
            max(one["decision_us"][what] for one in largest),
            bound,
        )
        for what, bound in (("p50", 50.0), ("p99", 1000.0))
    ] + [at_most(f"memory of the whole process with {items:,} items [GiB]", memory / 2**30, 2.0)]


def _apart(*words: object) -> Any:
    """Measured by a process of its own, so that memory is its own."""
    done = subprocess.run(
        [sys.executable, "-m", "evaluations.scale", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def measure(workers: int, items: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    work = workers * BATCHES_PER_WORKER * BATCH_SECONDS * 1.5
    costs = rng.lognormal(0.0, 0.5, items)
    kinds = ["fast", "slow"] * (workers // 2)
    visits = from_rates(
        kinds,
        rng,
        until_seconds=BATCHES_PER_WORKER * BATCH_SECONDS,
        stay_seconds=600.0,
        away_seconds=60.0,
    )
    scenario = Scenario(
        classes={
            "fast": WorkerClass(kind="fast", speed=2.0),
            "slow": WorkerClass(kind="slow"),
        },
        visits=tuple(visits),
        models={"model": Model(gpu_seconds=10.0)},
        runs={"run": Workload(costs=costs * (work / costs.sum()))},
    )
    timed = Timed()
    outcome = simulate(scenario, timed)
    return {
        "workers": workers,
        "items": items,
        "batches": outcome.batches,
        "events": len(timed.events),
        "event_us": _percentiles(timed.events),
        "decision_us": _percentiles(timed.decisions),
        "memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "efficiency": round(outcome.efficiency, 4),
    }


def hold(items: int) -> int:
    """Bytes that the core takes for so many items, their costs as they were told not counted."""
    costs = np.random.default_rng(0).lognormal(0.0, 0.5, items)
    scheduler = Scheduler()
    process = psutil.Process(os.getpid())
    before = process.memory_info().rss
    scheduler.handle(RunOpened("run", "model"), 0.0)
    scheduler.handle(ItemsAdded("run", costs), 0.0)
    return int(process.memory_info().rss - before)


def _percentiles(nanoseconds: list[int]) -> dict[str, float]:
    values = np.array(nanoseconds) / 1000.0
    at = {"p50": 50, "p99": 99, "p999": 99.9}
    found = {name: round(float(np.percentile(values, q)), 1) for name, q in at.items()}
    return found | {"max": round(float(values.max()), 1)}


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[2:]]
    print(json.dumps(hold(*numbers) if sys.argv[1] == "hold" else measure(*numbers)))
