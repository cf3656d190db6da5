"""A local engine with real workers, driven as the manager's loop would."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pcm.core.commands import Command, Dispatch, Load, Provision, Ranges
from pcm.core.events import ReplicaChanged, WorkerJoined
from pcm.engines.base import ContextCargo, Delivery, Happening, TaskCargo
from pcm.engines.local import LocalEngine
from tests.workers.host.by_value import pickled

DEADLINE_SECONDS = 60.0


class Shelf:
    """A cargo: contexts, tasks and items by name."""

    def __init__(self) -> None:
        self.contexts: dict[str, ContextCargo] = {}
        self.tasks: dict[str, TaskCargo] = {}
        self.inputs: dict[str, list[bytes]] = {}

    def context(self, context: str) -> ContextCargo:
        return self.contexts[context]

    def task(self, run: str) -> TaskCargo:
        return self.tasks[run]

    def items(self, run: str, ranges: Ranges) -> list[bytes]:
        return [item for start, stop in ranges for item in self.inputs[run][start:stop]]


class Driver:
    """Context manager: a started engine that is stopped at the end, whatever happens."""

    def __init__(self, **options: Any) -> None:
        self.engine = LocalEngine(**options)
        self.shelf = Shelf()
        self.happened: list[Happening] = []
        self.heard = 0
        self.batches = 0

    def __enter__(self) -> Driver:
        self.engine.start(self.shelf)
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.stop()

    def order(self, *commands: Command) -> None:
        for command in commands:
            self.engine.order(command)
        self.engine.flush()

    def wait(self, kind: type[Any], **fields: Any) -> Any:
        """The next happening of this kind with these fields that was not waited for yet."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            for index in range(self.heard, len(self.happened)):
                happening = self.happened[index]
                if isinstance(happening, kind) and all(
                    getattr(happening, name) == value for name, value in fields.items()
                ):
                    self.heard = index + 1
                    return happening
            left = deadline - time.monotonic()
            assert left > 0, f"no {kind.__name__} {fields}; happened: {self.happened}"
            self.happened += self.engine.events(left)
            self.engine.flush()

    def start_worker(self) -> str:
        self.order(Provision("local", 1, 0))
        worker: str = self.wait(WorkerJoined).worker
        return worker

    def load(self, worker: str, loader: Callable[..., Any], *args: Any, context: str = "c") -> None:
        payload = pickled(loader, args, {}, None)
        self.shelf.contexts[context] = ContextCargo(loader.__name__, payload)
        self.order(Load(worker, context, 0))

    def warm_worker(self, loader: Callable[..., Any] = dict, context: str = "c") -> str:
        worker = self.start_worker()
        self.load(worker, loader, context=context)
        self.wait(ReplicaChanged, worker=worker, status="warm")
        return worker

    def open_run(self, function: Callable[..., Any], items: Sequence[Any], run: str = "r") -> None:
        payload = pickled(function, {})
        self.shelf.tasks[run] = TaskCargo(f"task of {run}", function.__name__, payload)
        self.shelf.inputs[run] = [msgspec.msgpack.encode(item) for item in items]

    def dispatch(self, worker: str, *ranges: tuple[int, int], run: str = "r") -> int:
        self.batches += 1
        self.order(Dispatch(self.batches, run, worker, "c", ranges, 1, 0, 0.0))
        return self.batches

    def values(self, batch: int) -> dict[int, Any]:
        """Value or ErrorReport by position."""
        found: dict[int, Any] = {}
        for happening in self.happened:
            if isinstance(happening, Delivery) and happening.batch == batch:
                for result in happening.results:
                    assert result.position not in found
                    value = None if result.value is None else msgspec.msgpack.decode(result.value)
                    found[result.position] = result.error or value
        return found
