"""A batch on its worker, from dispatch to its end: how long it ran and how much of that counts."""

from __future__ import annotations

from collections.abc import Iterator

from pcm.core.commands import Dispatch
from pcm.core.events import ItemsDone
from pcm.report.timeline import Stretch


class FinishedItems:
    """Which items have a result; the first one counts."""

    def __init__(self) -> None:
        self._done = bytearray()

    def first_time(self, item: int) -> bool:
        if item >= len(self._done):
            self._done.extend(bytes(max(item + 1 - len(self._done), len(self._done), 1024)))
        if self._done[item]:
            return False
        self._done[item] = 1
        return True


class OpenBatch:
    """A batch that was dispatched; times are unix seconds as the manager's log has them."""

    def __init__(self, dispatch: Dispatch, at: float) -> None:
        self.worker = dispatch.worker
        self.context = dispatch.context
        self.dispatched_at = at
        self.outcomes = 0
        self.kept = 0
        self.item_count = dispatch.item_count
        self._items = [item for start, stop in dispatch.ranges for item in range(start, stop)]
        self._last_outcome_at = at

    def add(self, done: ItemsDone, at: float, finished: FinishedItems) -> int:
        """Returns how many of the results were the first of their items."""
        kept = sum(finished.first_time(self._items[position]) for position in done.finished)
        self.kept += kept
        self.outcomes += len(done.finished) + len(done.failed)
        self._last_outcome_at = at
        return kept

    @property
    def is_complete(self) -> bool:
        """Every item had its outcome, whether or not the end of the batch was still heard of."""
        return self.outcomes >= self.item_count

    def ran(self, start: float, stop: float) -> Iterator[Stretch]:
        """A batch that came to its end: useful is the share of its items whose results were kept
        (not failed, and not a second time)."""
        middle = start + (stop - start) * self.kept / max(1, self.item_count)
        yield Stretch(start, middle, "useful", self.context)
        yield Stretch(middle, stop, "lost", self.context)

    def was_lost(self, start: float, stop: float) -> Iterator[Stretch]:
        """A batch that was cut short: what it took to its last outcome counts like a batch of those
        items, the rest is lost."""
        salvaged = min(max(start, self._last_outcome_at), stop) if self.outcomes else start
        middle = start + (salvaged - start) * self.kept / max(1, self.outcomes)
        yield Stretch(start, middle, "useful", self.context)
        yield Stretch(middle, stop, "lost", self.context)

    @property
    def complete_at(self) -> float:
        return self._last_outcome_at
