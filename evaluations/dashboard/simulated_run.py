"""A run's directory as a manager leaves it, of a simulated run of any size."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pcm.core.commands import Command, Dispatch
from pcm.core.events import BatchDone, BatchLost, Event, ItemsDone, WorkerLeft
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import Model, Recording, Scenario, WorkerClass, Workload, simulate
from pcm.engines.simulated.availability import from_rates
from pcm.formats import Jsonl
from pcm.identity import Identity
from pcm.journal import Item, Journal, Manifest

BEGIN = 1_700_000_000.0
"""Unix seconds."""
CHUNK = 10_000
RUN = "run-simulated"
STAY_SECONDS = 600.0
AWAY_SECONDS = 60.0


class Logging(Recording):
    """A scheduler whose log is written into a journal, as a manager's loop does."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(Scheduler(), self._note)
        self._journal = journal
        self._lines: list[tuple[float, str, bytes]] = [(BEGIN, "ManagerStarted", _STARTED)]
        self._out: dict[int, tuple[Dispatch, set[int]]] = {}
        """Batches that have not ended, with the positions that have an outcome."""
        self.entries = 0
        self.last_at = BEGIN

    def handle(self, event: Event, now: float) -> list[Command]:
        self.last_at = BEGIN + now
        commands = super().handle(event, now)
        self._follow(event, commands)
        if len(self._lines) >= CHUNK:
            self.write()
        return commands

    def _note(self, now: float, kind: str, body: bytes) -> None:
        self._lines.append((BEGIN + now, kind, body))

    def write(self) -> None:
        self._journal.log(self._lines)
        self._journal.commit()
        self.entries += len(self._lines)
        self._lines.clear()

    def _follow(self, event: Event, commands: list[Command]) -> None:
        if isinstance(event, ItemsDone) and event.batch in self._out:
            self._out[event.batch][1].update(event.finished)
        elif isinstance(event, BatchDone | BatchLost):
            self._out.pop(event.batch, None)
        elif isinstance(event, WorkerLeft):
            left = [n for n, (order, _) in self._out.items() if order.worker == event.worker]
            for number in left:
                del self._out[number]
        for command in commands:
            if isinstance(command, Dispatch):
                self._out[command.batch] = (command, set())

    def stop(self) -> None:
        """A simulation ends with its last item, before its scheduler has heard of that."""
        now = self.last_at - BEGIN
        for order, done in list(self._out.values()):
            rest = tuple(n for n in range(order.item_count) if n not in done)
            self.handle(ItemsDone(order.batch, rest), now)
            self.handle(BatchDone(order.batch, order.predicted_seconds), now)
        self._lines.append((self.last_at, "ManagerStopped", b"{}"))
        self.write()


_STARTED = json.dumps({"pid": 1, "host": "simulated"}).encode()


def make(
    directory: Path, workers: int, batches: int, items_per_batch: int, batch_seconds: float
) -> int:
    """Simulate the run and write it; gives the number of log entries.

    Workers of two kinds load a model for 20 seconds, come and go, and are sometimes killed.
    """
    items = batches * items_per_batch
    rng = np.random.default_rng(0)
    costs = rng.lognormal(0.0, 0.4, items)
    costs *= batch_seconds * 1.5 * batches / costs.sum()
    each = batches * batch_seconds / workers
    visits = from_rates(
        ["H100", "A10"] * (workers // 2),
        rng,
        until_seconds=4 * each + STAY_SECONDS,
        stay_seconds=STAY_SECONDS,
        away_seconds=AWAY_SECONDS,
    )
    scenario = Scenario(
        classes={"H100": WorkerClass(kind="H100", speed=2.0), "A10": WorkerClass(kind="A10")},
        visits=tuple(visits),
        models={"model": Model(gpu_seconds=20.0, memory_bytes=8 << 30)},
        runs={RUN: Workload(costs=costs, batch_items=items_per_batch)},
    )
    with Journal.create(directory, manifest(RUN, "simulated")) as journal:
        journal.add_items(_items(costs))
        journal.seal()
        logging = Logging(journal)
        simulate(scenario, logging)
        logging.stop()
        journal.finish("completed", "", logging.last_at)
    return logging.entries


def manifest(run: str, name: str) -> Manifest:
    return Manifest(
        format=1,
        run=run,
        name=name,
        created=BEGIN,
        pcm="0.1.0",
        key_name="id",
        task=Identity.of("simulated", {}),
        context=Identity.of("model", {}),
        requirements={},
        options={},
        outputs=[Jsonl("results.jsonl")],
    )


def _items(costs: Any) -> Iterator[Item]:
    for number, cost in enumerate(costs):
        yield Item(str(number), b"", float(cost))


if __name__ == "__main__":
    place, *counts, seconds = sys.argv[1:]
    workers, batches, each = map(int, counts)
    print(make(Path(place), workers, batches, each, float(seconds)))
