"""Journals of runs that were simulated: as a manager would have written them."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from pcm.core.commands import Command, Dispatch, Finish
from pcm.core.events import Event, ItemsDone
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import (
    Cluster,
    Links,
    Model,
    Recording,
    Scenario,
    Visit,
    WorkerClass,
    Workload,
)
from pcm.journal import Item, Journal, Manifest, Outcome
from pcm.report.batches import items_of
from tests.journal.runs import manifest

BEGIN = 1_700_000_000.0
KINDS = {"NVIDIA A100-SXM4-40GB": 2.2, "NVIDIA A40": 1.3, "NVIDIA T4": 0.5}
_VALUE = msgspec.msgpack.encode("x")


class Recorder(Recording):
    """A decider that writes down what it hears and says, and what became of the items."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__(scheduler, self._log)
        self._batches: dict[int, tuple[Dispatch, float]] = {}
        self.log: list[tuple[float, str, bytes]] = []
        self.outcomes: list[Outcome] = []
        self.finished = False

    def handle(self, event: Event, now: float) -> list[Command]:
        commands = super().handle(event, now)
        for entry in (event, *commands):
            self._follow(entry, now)
        return commands

    def note(self, kind: str, at: float, **body: Any) -> None:
        self._log(at, kind, msgspec.json.encode(body))

    def _log(self, now: float, kind: str, body: bytes) -> None:
        self.log.append((BEGIN + now, kind, body))

    def _follow(self, entry: Event | Command, now: float) -> None:
        self.finished |= isinstance(entry, Finish)
        if isinstance(entry, Dispatch):
            self._batches[entry.batch] = entry, now
        elif isinstance(entry, ItemsDone):
            sent, at = self._batches[entry.batch]
            items = items_of(sent)
            for place in entry.finished:
                seconds = (now - at) / len(items)
                self.outcomes.append(
                    Outcome(int(items[place]), _VALUE, None, sent.worker, "gpu", entry.batch,
                            1, seconds, BEGIN + now)
                )  # fmt: skip


def write_simulated(
    directory: Path,
    *,
    workers: int = 12,
    items: int = 600,
    item_seconds: float = 4.0,
    batch_items: int | None = None,
    seed: int = 0,
    **changes: Any,
) -> Recorder:
    """A run to its end, on GPUs that come and are taken away. ``changes``: of the manifest."""
    scenario = _scenario(workers, items, item_seconds, batch_items, seed)
    recorder = Recorder(Scheduler())
    recorder.note("ManagerStarted", 0.0, pid=4321, host="submit.example.org")
    cluster = Cluster(scenario, recorder)
    cluster.run()
    while not recorder.finished:  # the last words are still on their way
        cluster._clock.step()
    end = recorder.log[-1][0] - BEGIN
    recorder.note("ManagerStopped", end)
    costs = scenario.runs["run-1"].costs
    with Journal.create(directory, _manifest(items, **changes)) as journal:
        journal.add_items(Item(f'"item-{n}"', b"x", float(cost)) for n, cost in enumerate(costs))
        journal.seal()
        journal.log(recorder.log)
        journal.record(recorder.outcomes)
        journal.finish("completed", "", BEGIN + end)
    return recorder


def _scenario(
    workers: int, items: int, item_seconds: float, batch_items: int | None, seed: int
) -> Scenario:
    rng = np.random.default_rng(seed)
    speed = sum(KINDS.values()) / len(KINDS)
    long = items * item_seconds / workers / speed
    model = Model(
        environment_seconds=0.01 * long,
        weights_bytes=3e8 * 0.02 * long,
        host_seconds=0.01 * long,
        gpu_seconds=0.01 * long,
        memory_bytes=8 << 30,
    )
    return Scenario(
        classes={kind: WorkerClass(kind=kind, speed=s) for kind, s in KINDS.items()},
        visits=tuple(_visits(workers, long, rng)),
        models={"model": model},
        runs={
            "run-1": Workload(
                costs=rng.lognormal(np.log(item_seconds), 0.4, items), batch_items=batch_items
            )
        },
        links=Links(origin_streams=8, peer_streams=4),
    )


def _visits(workers: int, long: float, rng: np.random.Generator) -> Iterator[Visit]:
    """A third stays; of the others one in two comes again after it was taken."""
    kinds = list(KINDS)
    for number in range(workers):
        kind = kinds[number % 3]
        begin = float(rng.exponential(0.15 * long))
        fitness = float(rng.normal(1.0, 0.04))
        notice = 0.0 if rng.random() < 0.5 else 0.01 * long
        if number < 3 or rng.random() < 0.34:
            yield Visit(kind=kind, start_seconds=begin, end_seconds=inf, fitness=fitness)
            continue
        end = begin + float(rng.exponential(0.9 * long)) + 0.05 * long
        yield Visit(kind=kind, start_seconds=begin, end_seconds=end, notice_seconds=notice,
                    fitness=fitness)  # fmt: skip
        if rng.random() < 0.5:
            yield Visit(kind=kind, start_seconds=end + 0.1 * long, fitness=fitness)


def _manifest(items: int, **changes: Any) -> Manifest:
    options = {"retries": 1, "engine": "taskvine", "engine_options": {"workers": 0, "port": 9123}}
    return manifest(
        **{
            "name": "simulated",
            "created": BEGIN - 3.0,
            "items": items,
            "options": options,
            **changes,
        }
    )
