"""When those will be free that are busy: heaps of batches by their predicted end, kept lazily.

Entries of batches that are over stay until they are met, so a question costs a few steps, however
many workers there are.
"""

from __future__ import annotations

import heapq
from typing import Any

from pcm.core.basis import Basis
from pcm.core.batch import Batch
from pcm.core.context import Context
from pcm.core.worker import Worker


class Busy:
    def __init__(self, basis: Basis) -> None:
        self._state, self._policy = basis.state, basis.policy

    def note(self, context: Context, batch: Batch, until: float) -> None:
        busy = context.busy
        heapq.heappush(busy, (until, batch.id, batch.worker))
        heapq.heappush(context.latest, (-until, batch.id))
        if len(busy) > 4 * len(context.warm) + 64:
            busy[:] = [entry for entry in busy if entry[1] in self._state.batches]
            heapq.heapify(busy)
            context.latest[:] = [(-until, id_) for until, id_, _ in busy]
            heapq.heapify(context.latest)

    def soonest_free(self, context: Context) -> list[Worker]:
        """Busy workers of a context, the soonest free first, a few of them."""
        found: list[Worker] = []
        entries: list[tuple[float, int, str]] = []
        while context.busy and len(found) < self._policy.rivals:
            entry = heapq.heappop(context.busy)
            worker = self._state.can_dispatch(entry[2], context.id)
            queue = worker.queues.get(context.id) if worker else None
            if worker is not None and queue and queue[-1].id == entry[1]:
                found.append(worker)
                entries.append(entry)
        for entry in entries:
            heapq.heappush(context.busy, entry)
        return found

    def last_end(self, context: Context) -> float | None:
        """When the last of a context's live batches is, or was, predicted to end."""
        latest = context.latest
        while latest and latest[0][1] not in self._state.batches:
            heapq.heappop(latest)
        return -latest[0][0] if latest else None

    def latest_and_late(self, context: Context) -> list[Batch]:
        """A few live batches of a context: those predicted to end last, and those that should have
        ended first."""
        found: dict[int, Batch] = {}
        heaps: tuple[list[Any], ...] = (context.latest, context.busy)
        for heap in heaps:
            entries: list[Any] = []
            while heap and len(entries) < self._policy.rivals:
                entry = heapq.heappop(heap)
                batch = self._state.batches.get(entry[1])
                if batch is not None:
                    entries.append(entry)
                    found[batch.id] = batch
            for entry in entries:
                heapq.heappush(heap, entry)
        return list(found.values())
