"""A taskvine engine with warm workers, driven by hand: what it costs without core and journal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import cloudpickle
import msgspec

from pcm.core.commands import Dispatch, Load, Provision
from pcm.core.events import BatchDone, ReplicaChanged, WorkerJoined
from pcm.engines.base import Cargo, ContextCargo, Delivery, Happening, TaskCargo
from pcm.engines.taskvine import TaskVineEngine

CONTEXT = "nothing"
IN_FLIGHT = 2
"""Batches that a worker has at a time: the core queues one behind the one that runs."""
PATIENCE_SECONDS = 60.0

T = TypeVar("T", bound=Happening)


def load_nothing() -> None:
    """A context that costs nothing."""


def start_times(_: None, items: Sequence[float]) -> list[float]:
    """When it began, for every item, which says how many seconds to take."""
    began = time.time()
    for seconds in items:
        time.sleep(seconds)
    return [began] * len(items)


class Goods(Cargo):
    """One context and two tasks: ``brief`` takes no time, ``long`` more than anybody waits."""

    def __init__(self) -> None:
        module = sys.modules[__name__]
        cloudpickle.register_pickle_by_value(module)  # Workers do not have it.
        try:
            loading = cloudpickle.dumps((load_nothing, (), {}, None))
            self._task = cloudpickle.dumps((start_times, {}))
        finally:
            cloudpickle.unregister_pickle_by_value(module)
        self._context = ContextCargo(CONTEXT, loading)
        self._items = {
            "brief": [msgspec.msgpack.encode(0.0)],
            "long": [msgspec.msgpack.encode(3600.0)],
        }

    def context(self, context: str) -> ContextCargo:
        return self._context

    def task(self, run: str) -> TaskCargo:
        return TaskCargo(run, run, self._task)

    def items(self, run: str, ranges: object) -> list[bytes]:
        return self._items[run]


class Pool:
    """An engine and its workers, until ``close``."""

    def __init__(self, workers: int) -> None:
        """Starts them and loads the context on each; ``workers`` may be 0."""
        self.engine = TaskVineEngine(workers=workers, threads_per_worker=1, gpus=[])
        self.engine.start(Goods())
        self._batches = 0
        try:
            self.workers = self.add(workers) if workers else []
        except BaseException:
            self.engine.stop()
            raise

    def add(self, workers: int) -> list[str]:
        """Have the engine start workers; gives their names when they are warm."""
        self.engine.order(Provision(self.engine.pool, workers, 0))
        return [self.warm(joined.worker) for joined in self.until(WorkerJoined, count=workers)]

    def warm(self, worker: str) -> str:
        self.engine.order(Load(worker, CONTEXT, 0))
        self.until(ReplicaChanged, lambda e: e.worker == worker and e.status == "warm")
        self.round_trip(worker)
        return worker

    def until(
        self, kind: type[T], matches: Callable[[T], bool] = lambda _: True, count: int = 1
    ) -> list[T]:
        """So many such happenings at least, from now on; ``happened`` has all that came meanwhile.

        Raises RuntimeError if they do not come.
        """
        found: list[T] = []
        self.happened: list[Happening] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(found) < count:
            fresh = self.engine.events(max(0.0, deadline - time.monotonic()))
            self.happened += fresh
            found += [h for h in fresh if isinstance(h, kind) and matches(h)]
            if time.monotonic() > deadline:
                raise RuntimeError(f"no {kind.__name__}; last happened: {self.happened[-5:]}")
        return found

    def dispatch(self, worker: str, run: str = "brief") -> int:
        self._batches += 1
        order = Dispatch(self._batches, run, worker, CONTEXT, ((0, 1),), 1, 0, 0.0)
        self.engine.order(order)
        return self._batches

    def round_trip(self, worker: str) -> float:
        """Seconds from ordering an empty batch to its end."""
        started = time.perf_counter()
        batch = self.dispatch(worker)
        self.engine.flush()
        self.until(BatchDone, lambda e: e.batch == batch)
        return time.perf_counter() - started

    def round_trips(self, count: int) -> list[float]:
        """On the first worker, one after the other."""
        return [self.round_trip(self.workers[0]) for _ in range(count)]

    def per_second(self, count: int) -> float:
        """Empty batches per second, of so many, with ``IN_FLIGHT`` on every worker."""
        started = time.perf_counter()
        where: dict[int, str] = {}
        ready = self.workers * IN_FLIGHT
        left = count
        while left or where:
            for worker in ready[:left]:
                where[self.dispatch(worker)] = worker
            left -= len(ready[:left])
            done = self.until(BatchDone)
            ready = [where.pop(one.batch) for one in done]
        return count / (time.perf_counter() - started)

    def seconds_to_start(self) -> float:
        """From ordering an empty batch until it begins on the first worker."""
        ordered = time.time()
        batch = self.dispatch(self.workers[0])
        self.engine.flush()
        self.until(BatchDone, lambda e: e.batch == batch)
        (result,) = [h.results[0] for h in self.happened if isinstance(h, Delivery)]
        began: float = msgspec.msgpack.decode(result.value or b"", type=float)
        return began - ordered

    def close(self) -> None:
        self.engine.stop()
