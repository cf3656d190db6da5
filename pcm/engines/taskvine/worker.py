"""One worker behind TaskVine, as the engine knows it."""

from __future__ import annotations

from pcm.core.events import Capacity
from pcm.engines.local.sharing import Share
from pcm.engines.orders import size_bytes
from pcm.engines.worker import Worker
from workers import carriage
from workers.protocol import Machine, Order, Report, RunBatch

EVENTS_CALL = 0
"""Number of the call that is open as long as the worker is there."""
OVERDUE_SECONDS = 60.0
"""Answers overtake each other by seconds at most; one that is so late does not come. TaskVine may
lose that of a call about a file which it ended for taking too long."""
GROUP_BYTES = 64 << 20
"""Orders share a frame up to this size."""


class RemoteWorker(Worker):
    """From when TaskVine sees it until its WorkerLeft."""

    def __init__(self, name: str, pool: str, share: Share | None) -> None:
        """``share`` of this machine, if the engine started it."""
        super().__init__(name)
        self.pool, self.share = pool, share
        self.sees_our_files = share is not None
        self._frames = 0
        self._last_call = EVENTS_CALL
        self._batch_calls: set[int] = set()
        self._brief_calls: set[int] = set()
        self._expected = 0
        self._early: dict[int, list[Report]] = {}
        self._progress_at = 0.0
        """When an answer came last that was the next in order."""

    def capacity(self, machine: Machine) -> Capacity:
        share = self.share
        return Capacity(
            kind=machine.kind,
            gpus=len(machine.gpus),
            gpu_memory_bytes=min((gpu.memory_bytes for gpu in machine.gpus), default=0),
            memory_bytes=machine.memory_bytes if share is None else share.memory_bytes,
            cores=machine.cores if share is None else share.threads,
            host=machine.host,
            pool=self.pool,
            zone=machine.zone,
        )

    def calls(self) -> list[tuple[int, bytes]]:
        """Calls for what is outgoing, numbered, as far as there is room for them. What is left
        goes when ``ended`` has made room."""
        calls: list[tuple[int, bytes]] = []
        while self.outgoing:
            brief = len(self._batch_calls) >= carriage.BATCH_CALLS
            orders = self._group(through_batch=not brief)
            brief = brief or not isinstance(orders[-1], RunBatch)
            if brief and len(self._brief_calls) >= carriage.BRIEF_CALLS:
                break
            del self.outgoing[: len(orders)]
            call = self.next_call()
            (self._brief_calls if brief else self._batch_calls).add(call)
            frame = carriage.call_frame(carriage.Call(self._frames, orders, brief))
            self._frames += 1
            calls.append((call, frame))
        return calls

    def next_call(self) -> int:
        """The number of one more call."""
        self._last_call += 1
        return self._last_call

    def _group(self, *, through_batch: bool) -> list[Order]:
        """The orders that come next and fit a frame; with the first batch at their end, or all."""
        group: list[Order] = []
        total_bytes = 0
        for order in self.outgoing:
            total_bytes += size_bytes(order)
            if total_bytes > GROUP_BYTES and group:
                break
            group.append(order)
            if through_batch and isinstance(order, RunBatch):
                break
        return group

    def ended(self, call: int) -> None:
        """The call has been answered."""
        self._batch_calls.discard(call)
        self._brief_calls.discard(call)

    def receive(self, text: bytes, now: float) -> list[Report]:
        """The reports that are next in order, now that this answer is there.

        Raises CarriageError for what is no answer, and if one that is due has been lost.
        """
        number, reports = carriage.open_answer(text)
        self._early[number] = reports
        ordered: list[Report] = []
        while (early := self._early.pop(self._expected, None)) is not None:
            self._expected += 1
            self._progress_at = now
            ordered += early
        if self._early and now - self._progress_at > OVERDUE_SECONDS:
            raise carriage.CarriageError(f"answer {self._expected} is lost, others came after it")
        return ordered
