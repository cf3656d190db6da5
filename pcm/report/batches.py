"""A batch while it is out: which of its items have outcomes, and how many of these count."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcm.core.commands import Dispatch
from pcm.core.events import ItemsDone


def items_of(dispatch: Dispatch) -> NDArray[np.int64]:
    """The items of a batch, by position."""
    ranges = [np.arange(start, stop) for start, stop in dispatch.ranges]
    return ranges[0] if len(ranges) == 1 else np.concatenate(ranges)


class FinishedItems:
    """Which items have a result; the first one counts."""

    def __init__(self) -> None:
        self._done = np.zeros(1024, bool)

    def first_time(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those that had none so far, in their order."""
        if len(items) and (last := int(items.max())) >= len(self._done):
            more = max(last + 1 - len(self._done), len(self._done))
            self._done = np.concatenate([self._done, np.zeros(more, bool)])
        new = items[~self._done[items]]
        self._done[items] = True
        return new

    def has_all(self, items: NDArray[np.int64]) -> bool:
        known = items[items < len(self._done)]
        return len(known) == len(items) and bool(self._done[known].all())


class Added(NamedTuple):
    """Items of a batch that an ItemsDone tells of, each an array of int64: those with a result,
    those of them whose first it is, and all that have left the batch by it."""

    good: NDArray[np.int64]
    kept: NDArray[np.int64]
    closed: NDArray[np.int64]


class OpenBatch:
    """A batch that was dispatched; times are unix seconds as the manager's log has them."""

    def __init__(self, dispatch: Dispatch, at: float) -> None:
        self.worker = dispatch.worker
        self.context = dispatch.context
        self.at = at
        self.kept = 0
        self.count = dispatch.item_count
        self.stop = max(stop for _, stop in dispatch.ranges)
        """All its items are below."""
        self.items = items_of(dispatch)
        """By position."""
        self._open = np.ones(self.count, bool)
        self.last_outcome_at = at

    def add(self, done: ItemsDone, at: float, finished: FinishedItems) -> Added:
        good = self.items[np.asarray(done.finished, np.int64)]
        kept = finished.first_time(good)
        self.kept += len(kept)
        before = self._open.copy()
        self._open[np.asarray((*done.finished, *done.failed), np.int64)] = False
        self.last_outcome_at = at
        return Added(good, kept, self.items[before & ~self._open])

    @property
    def outcomes(self) -> int:
        return self.count - int(np.count_nonzero(self._open))

    @property
    def open_items(self) -> NDArray[np.int64]:
        """Those without an outcome."""
        return self.items[self._open]

    @property
    def decided_items(self) -> NDArray[np.int64]:
        """Those with an outcome, good or bad."""
        return self.items[~self._open]
