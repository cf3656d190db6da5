"""The batches on one replica: which is running, which wait behind it, and how they end."""

from __future__ import annotations

import time
from collections import deque
from typing import Literal

from workers.host.outlet import Outlet
from workers.protocol import BatchEnd, RunBatch

Unfinished = Literal["replica_died", "deadline", "cancelled", "evicted"]


class Batch:
    """A batch on a replica."""

    __slots__ = ("arrived", "order", "queue_seconds")

    def __init__(self, order: RunBatch) -> None:
        self.order = order
        self.arrived = time.monotonic()
        self.queue_seconds = 0.0


class Batches:
    """Every batch that is added leaves by exactly one BatchEnd."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._waiting: deque[Batch] = deque()
        self._running: Batch | None = None

    @property
    def idle(self) -> bool:
        """Whether none is running."""
        return self._running is None

    @property
    def empty(self) -> bool:
        """Whether none is running and none waits."""
        return self._running is None and not self._waiting

    def is_running(self, batch: int) -> bool:
        return self._running is not None and self._running.order.batch == batch

    def add(self, order: RunBatch) -> None:
        self._waiting.append(Batch(order))

    def start_next(self) -> RunBatch | None:
        """The next to run, if there is one and none is running."""
        if self._running is not None or not self._waiting:
            return None
        batch = self._running = self._waiting.popleft()
        batch.queue_seconds = time.monotonic() - batch.arrived
        return batch.order

    def done(self, run_seconds: float, kept: tuple[str, ...] | None) -> None:
        """Every item of the running batch has its outcome. ``kept``: see BatchEnd."""
        batch, self._running = self._running, None
        if batch is not None:
            self._outlet.report(
                BatchEnd(batch.order.batch, "done", batch.queue_seconds, run_seconds, kept=kept)
            )

    def give_back_one(self, batch: int, outcome: Unfinished) -> bool:
        """Give a waiting batch back; False if it is not waiting here."""
        for waiting in self._waiting:
            if waiting.order.batch == batch:
                self._waiting.remove(waiting)
                self._end(waiting, outcome, started=False)
                return True
        return False

    def give_back_running(self, outcome: Unfinished, detail: str = "") -> None:
        """End the running batch, if there is one; its items without outcome come back."""
        batch, self._running = self._running, None
        if batch is not None:
            self._end(batch, outcome, started=True, detail=detail)

    def give_back_waiting(self, outcome: Unfinished, detail: str = "") -> None:
        """End all batches that have not begun."""
        while self._waiting:
            self._end(self._waiting.popleft(), outcome, started=False, detail=detail)

    def _end(self, batch: Batch, outcome: Unfinished, *, started: bool, detail: str = "") -> None:
        lasted = time.monotonic() - batch.arrived
        waited = batch.queue_seconds if started else lasted
        self._outlet.report(
            BatchEnd(batch.order.batch, outcome, waited, lasted - waited, started, detail)
        )
