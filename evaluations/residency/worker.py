"""One real worker of the local engine, given the scheduler's commands by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import cloudpickle
import msgspec

from evaluations.residency import asking
from pcm.core.commands import Command, Dispatch, Evict, Load, Offload, Provision, Ranges
from pcm.core.events import BatchDone, BatchLost, ReplicaChanged, ReplicaFailed, WorkerJoined
from pcm.engines.base import ContextCargo, Delivery, Happening, TaskCargo
from pcm.engines.local import LocalEngine

PATIENCE_SECONDS = 120.0
T = TypeVar("T", bound=Happening)


class OneWorker:
    """Context manager: contexts by number, each with a model directory of its own."""

    def __init__(self, models: list[Path], dtype: str) -> None:
        self._engine = LocalEngine(workers=1)
        self._payloads = [
            cloudpickle.dumps((asking.load, (str(model), dtype), {}, None)) for model in models
        ]
        self._happened: list[Happening] = []
        self._batches = 0
        self._worker = ""

    def __enter__(self) -> OneWorker:
        self._engine.start(self)
        try:
            self._order(Provision("local", 1, 0))
            self._worker = self._next(WorkerJoined, lambda _: True).worker
        except BaseException:
            self._engine.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.stop()

    # -- the cargo -------------------------------------------------------------------------------

    def context(self, context: str) -> ContextCargo:
        return ContextCargo("model", self._payloads[int(context)], asking.IMPORTS)

    def task(self, run: str) -> TaskCargo:
        return TaskCargo(run, run, cloudpickle.dumps((asking.answer, {})))

    def items(self, run: str, ranges: Ranges) -> list[bytes]:
        return [msgspec.msgpack.encode(asking.QUESTION)]

    # -- deeds -----------------------------------------------------------------------------------

    def change(self, leaving: int, coming: int, *, offload: bool) -> tuple[float, ReplicaChanged]:
        """Seconds until the one that comes is warm, and what was said of it then."""
        away = Offload if offload else Evict
        return self._bring(coming, away(self._worker, str(leaving), 0))

    def load(self, context: int) -> ReplicaChanged:
        """What is said of it when it is warm."""
        return self._bring(context)[1]

    def park(self, context: int) -> ReplicaChanged:
        """What is said of it when it has left the accelerator."""
        self._order(Offload(self._worker, str(context), 0))
        return self._reached(context, "parked")

    def evict(self, context: int) -> None:
        """Until it is gone."""
        self._order(Evict(self._worker, str(context), 0))
        self._reached(context, "draining")

    def ask(self, context: int) -> Any:
        """The answer."""
        self._batches += 1
        batch = self._batches
        self._order(Dispatch(batch, "ask", self._worker, str(context), ((0, 1),), 1, 0, 0.0))
        (result,) = self._next(Delivery, lambda one: one.batch == batch).results
        self._next(BatchDone, lambda one: one.batch == batch)
        if result.value is None:
            raise RuntimeError(f"no answer: {result.error}")
        return msgspec.msgpack.decode(result.value)

    def _bring(self, context: int, *before: Command) -> tuple[float, ReplicaChanged]:
        begun = time.perf_counter()
        self._order(*before, Load(self._worker, str(context), 0))
        warm = self._reached(context, "warm")
        return time.perf_counter() - begun, warm

    def _order(self, *commands: Command) -> None:
        for command in commands:
            self._engine.order(command)
        self._engine.flush()

    def _reached(self, context: int, status: str) -> ReplicaChanged:
        def fits(event: ReplicaChanged) -> bool:
            return event.context == str(context) and event.status == status

        return self._next(ReplicaChanged, fits)

    def _next(self, kind: type[T], fits: Callable[[T], bool]) -> T:
        """The next happening of this kind that fits; others before it are passed over. Raises
        RuntimeError for what must not happen, and TimeoutError."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            while self._happened:
                happening = self._happened.pop(0)
                if isinstance(happening, kind) and fits(happening):
                    return happening
                if isinstance(happening, ReplicaFailed | BatchLost):
                    raise RuntimeError(f"the worker failed: {happening}")
            self._happened += self._engine.events(deadline - time.monotonic())
            self._engine.flush()
        raise TimeoutError(f"no {kind.__name__} within {PATIENCE_SECONDS:g} s")
