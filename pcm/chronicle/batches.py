"""Batches: those that are out, and a table of all."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from math import nan
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcm.chronicle.columns import Records, picked, read
from pcm.chronicle.items import Where
from pcm.core.commands import Dispatch, Score

Ending = Literal["open", "done", "lost", "not_started", "worker_gone"]
ENDINGS: tuple[Ending, ...] = ("open", "done", "lost", "not_started", "worker_gone")
"""How a batch ended; their places are codes. worker_gone: begun or not, its worker went."""

ATTEMPT_MOST = 32767

OPEN, DONE, LOST, NOT_STARTED, WORKER_GONE = range(5)


class OpenBatch:
    """A batch that is out. Positions count within it."""

    __slots__ = (
        "_first", "_items", "_left", "_ranges", "at", "context", "count", "kept", "lane",
        "last_outcome_at", "outcomes", "row", "stop",
    )  # fmt: skip

    def __init__(self, row: int, lane: int, context: str, at: float, order: Dispatch) -> None:
        self.row, self.lane, self.context, self.at = row, lane, context, at
        self._ranges = order.ranges
        self._first = order.ranges[0][0] if len(order.ranges) == 1 else -1
        self._items: NDArray[np.int64] | None = None
        self._left: NDArray[np.bool_] | None = None
        """By position, whether it has an outcome; None: none or all have."""
        self.count = order.item_count
        self.stop = max(stop for _, stop in order.ranges)
        """All its items are below."""
        self.kept = self.outcomes = 0
        self.last_outcome_at = at

    @property
    def all_items(self) -> Where:
        if self._first >= 0:
            return slice(self._first, self._first + self.count)
        if self._items is None:
            self._items = np.concatenate([np.arange(a, b) for a, b in self._ranges])
        return self._items

    def items_at(self, positions: tuple[int, ...]) -> Where:
        """As a slice, where they are in a row."""
        if not positions:
            return slice(0, 0)
        first = positions[0]
        count = len(positions)
        in_a_row = count == 1 or positions == tuple(range(first, first + count))
        if self._first >= 0 and in_a_row:
            return slice(self._first + first, self._first + first + count)
        where = np.array(positions, np.int64)
        if self._first >= 0:
            return where + self._first
        items = self.all_items
        assert not isinstance(items, slice)
        return items[first : first + count] if in_a_row else items[where]

    def leave(self, positions: tuple[int, ...]) -> Where:
        """These have an outcome now. Returns the items of those that had none before."""
        if len(positions) == self.count and not self.outcomes:
            self.outcomes, self._left = self.count, None
            return self.all_items
        if self._left is None:
            self._left = np.full(self.count, self.outcomes == self.count)
        where = np.array(positions, np.int64)
        new = where[~self._left[where]]
        self._left[new] = True
        self.outcomes += len(new)
        if len(new) == len(positions):
            return self.items_at(positions)
        return self._among(new)

    @property
    def is_complete(self) -> bool:
        return self.outcomes >= self.count

    @property
    def open_items(self) -> Where:
        if not self.outcomes:
            return self.all_items
        if self.is_complete or self._left is None:
            return slice(0, 0)
        return self._among(np.flatnonzero(~self._left))

    @property
    def decided_items(self) -> Where:
        if self.is_complete:
            return self.all_items
        if not self.outcomes or self._left is None:
            return slice(0, 0)
        return self._among(np.flatnonzero(self._left))

    def _among(self, positions: NDArray[np.int64]) -> Where:
        items = self.all_items
        return positions + items.start if isinstance(items, slice) else items[positions]


class Batches(NamedTuple):
    """All batches that were dispatched until a moment, in that order; arrays of one shape.

    Times are unix seconds, nan where it is not known yet: ``start`` and ``stop`` of its running,
    ``ended_at`` of its being out. ``lane`` and ``context``: places in the chronicle's lists.
    ``end``: place in ``ENDINGS``. ``cost``: of its items that had an outcome.
    """

    id: NDArray[np.int64]
    lane: NDArray[np.int32]
    context: NDArray[np.int16]
    dispatched_at: NDArray[np.float64]
    items: NDArray[np.int32]
    attempt: NDArray[np.int16]
    predicted: NDArray[np.float32]
    ended_at: NDArray[np.float64]
    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    kept: NDArray[np.int32]
    cost: NDArray[np.float64]
    busy_seconds: NDArray[np.float64]
    end: NDArray[np.int8]


class BatchTable:
    """Grows by a row with each dispatch; a row is changed once, when its batch ends."""

    def __init__(self) -> None:
        self.dispatched_at = array("d")
        self.ended_at = array("d")
        """nan of those that are out."""
        self._orders = Records("qihihf")
        """Batch, lane, context, items, attempt, predicted seconds."""
        self._ends = Records("ddiddb")
        """Start, stop, kept items, cost, busy seconds, ending."""
        self._terms = Records("iffff")
        """Worker, free in, warm in, work, risk: of every candidate for every batch."""
        self._terms_until = array("q")
        """By row."""
        self._ended_rows = array("i")
        """In the order of their ending."""
        self._ended_times = array("d")
        self._places: dict[str, int] = {}
        self._names: list[str] = []

    def __len__(self) -> int:
        return len(self.dispatched_at)

    def dispatched(self, order: Dispatch, lane: int, context: int, items: int, at: float) -> int:
        self.dispatched_at.append(at)
        self.ended_at.append(nan)
        attempt = min(order.attempt, ATTEMPT_MOST)
        self._orders.append(order.batch, lane, context, items, attempt, order.predicted_seconds)
        self._ends.append(nan, nan, 0, 0.0, 0.0, OPEN)
        for score in order.why:
            place = self._places.get(score.worker)
            if place is None:
                place = self._places[score.worker] = len(self._names)
                self._names.append(score.worker)
            self._terms.append(place, score.free_in, score.warm_in, score.work, score.risk)
        self._terms_until.append(len(self._terms))
        return len(self.dispatched_at) - 1

    def end(
        self,
        row: int,
        at: float,
        ending: int,
        start: float = nan,
        stop: float = nan,
        kept: int = 0,
        cost: float = 0.0,
        busy_seconds: float = 0.0,
    ) -> None:
        self.ended_at[row] = at
        self._ended_rows.append(row)
        self._ended_times.append(at)
        self._ends.replace(row, start, stop, kept, cost, busy_seconds, ending)

    def ids(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of the batches of some rows, -1 where that is -1."""
        ids = np.full(len(rows), -1, np.int64)
        known = rows >= 0
        if known.any():
            ids[known] = self._orders.picked(rows[known])[0]
        return ids

    def order(self, row: int) -> tuple[int, int, int, float]:
        """Batch, items, attempt, predicted seconds."""
        batch, _, _, items, attempt, predicted = self._orders.row(row)
        return batch, items, attempt, predicted

    def out(self, at: float) -> NDArray[np.int64]:
        """The rows of those that were out at a moment."""
        stop = bisect_right(self.dispatched_at, at)
        return np.flatnonzero(~(read(self.ended_at, stop) <= at))

    def ended(self, at: float, most: int, since: float = 0.0) -> NDArray[np.int64]:
        """The rows of the last so many that ended until a moment, in that order."""
        stop = bisect_right(self._ended_times, at)
        first = max(stop - most, bisect_left(self._ended_times, since))
        return np.array(self._ended_rows[first:stop], np.int64)

    def until(self, at: float) -> Batches:
        """What was dispatched until then."""
        return self.some(np.arange(bisect_right(self.dispatched_at, at)), at)

    def some(self, rows: NDArray[np.int64], at: float) -> Batches:
        """Some rows. What ended later is open at that moment."""
        batch, lane, context, items, attempt, predicted = self._orders.picked(rows)
        dispatched_at, ended_at = picked(self.dispatched_at, rows), picked(self.ended_at, rows)
        ends = self._ends.picked(rows)
        later = ended_at > at
        if later.any():
            for times in (ended_at, *ends[:2]):
                times[later] = nan
            for numbers in ends[2:]:
                numbers[later] = 0
        return Batches(
            batch, lane, context, dispatched_at, items, attempt, predicted, ended_at, *ends
        )  # fmt: skip

    def why(self, row: int) -> list[Score]:
        """The terms of the choice of its worker, the winner's first."""
        first = self._terms_until[row - 1] if row else 0
        found = []
        for place in range(first, self._terms_until[row]):
            worker, *terms = self._terms.row(place)
            found.append(Score(self._names[worker], *terms))
        return found
