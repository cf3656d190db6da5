"""Driving a taskvine engine by hand: what the manager's loop does, one step at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from pcm.core.commands import Dispatch, Load, Provision
from pcm.core.events import BatchDone, ReplicaChanged, WorkerJoined
from pcm.engines.base import Cargo, ContextCargo, Happening, TaskCargo
from pcm.engines.taskvine import TaskVineEngine
from pcm.packing import encode_item, pack
from tests.manager.workloads import salt

DEADLINE_SECONDS = 20.0

T = TypeVar("T", bound=Happening)


def echo(salt: int, items: Sequence[Any], seconds: float = 0.0) -> list[Any]:
    time.sleep(seconds)
    return list(items)


class OneTask(Cargo):
    """Every context is a salt, every task echoes its items."""

    def __init__(self, item: Any = 1, *, seconds: float = 0.0, items: int = 1) -> None:
        recipe = salt()
        loading = (recipe.loader, recipe.args, recipe.kwargs, recipe.probe)
        self._context = ContextCargo("salt", pack(loading, installed=()))
        self._payload = pack((echo, {"seconds": seconds}))
        self._items = [encode_item(item)] * items

    def context(self, context: str) -> ContextCargo:
        return self._context

    def task(self, run: str) -> TaskCargo:
        return TaskCargo(run, run, self._payload)

    def items(self, run: str, ranges: object) -> list[bytes]:
        return self._items


class Drive:
    """An engine that is started, and all that has happened."""

    def __init__(self, engine: TaskVineEngine) -> None:
        self.engine = engine
        self.happened: list[Happening] = []
        self._ahead: list[Happening] = []
        """What came in the same turn as what was waited for last, behind it."""
        self._batches = 0

    def until(self, kind: type[T], matches: Callable[[T], bool] = lambda _: True) -> T:
        """The first such happening from now on; raises AssertionError if it does not come."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        fresh, self._ahead = self._ahead, []
        while time.monotonic() < deadline:
            for place, happening in enumerate(fresh):
                if isinstance(happening, kind) and matches(happening):
                    self._ahead = fresh[place + 1 :]
                    return happening
            fresh = self.engine.events(max(0.0, deadline - time.monotonic()))
            self.happened += fresh
        raise AssertionError(f"no {kind.__name__}; happened: {self.happened[-20:]}")

    def all(self, kind: type[T], matches: Callable[[T], bool], count: int) -> list[T]:
        """All such happenings so far, at least so many, in their order."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            found = [h for h in self.happened if isinstance(h, kind) and matches(h)]
            if len(found) >= count or time.monotonic() > deadline:
                assert len(found) >= count, self.happened[-20:]
                return found
            self.happened += self.engine.events(max(0.0, deadline - time.monotonic()))

    def worker(self) -> str:
        """Start a worker and load a context there."""
        self.engine.order(Provision(self.engine.pool, 1, 0))
        return self.warm(self.until(WorkerJoined).worker)

    def warm(self, worker: str) -> str:
        self.engine.order(Load(worker, "salt", 0))
        self.until(ReplicaChanged, lambda e: e.worker == worker and e.status == "warm")
        return worker

    def dispatch(self, worker: str, run: str = "run") -> int:
        self._batches += 1
        self.engine.order(Dispatch(self._batches, run, worker, "salt", ((0, 1),), 1, 0, 1.0))
        return self._batches

    def finish(self, worker: str, run: str = "run") -> BatchDone:
        batch = self.dispatch(worker, run)
        return self.until(BatchDone, lambda e: e.batch == batch)


@contextmanager
def driving(cargo: Cargo | None = None, **options: Any) -> Iterator[Drive]:
    engine = TaskVineEngine(**options)
    engine.start(cargo or OneTask())
    try:
        yield Drive(engine)
    finally:
        engine.stop()
