"""The items of a run, as the log tells of them: in how many batches each is, whether it is done."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Where = slice | NDArray[np.int64]
"""Indices of items: in a row, or not."""


class Costs:
    """What the run was told of its items' work; others cost like the mean."""

    def __init__(self, costs: NDArray[np.float64] | None) -> None:
        self._costs = np.empty(0) if costs is None else np.asarray(costs, float)
        self.mean = float(self._costs.mean()) if len(self._costs) else 1.0
        self.count = len(self._costs)
        """Of how many items it was told."""
        self._sums = np.concatenate([[0.0], np.cumsum(self._costs)])

    def of(self, where: Where) -> float:
        if isinstance(where, slice):
            if where.stop >= len(self._sums):
                self._extend(where.stop)
            return float(self._sums[where.stop] - self._sums[where.start])
        if len(where):
            self._extend(int(where.max()) + 1)
        return float(self._costs[where].sum())

    def of_all(self, items: int) -> float:
        """Of the first so many."""
        if items >= len(self._sums):
            self._extend(items)
        return float(self._sums[items])

    def _extend(self, items: int) -> None:
        more = items - len(self._costs)
        if more > 0:
            more = max(more, len(self._costs))
            self._costs = np.concatenate([self._costs, np.full(more, self.mean)])
            self.count = len(self._costs)
        """Of how many items it was told."""
        self._sums = np.concatenate([[0.0], np.cumsum(self._costs)])


class Items:
    """Counts, by the rules of ``pcm.report.waiting``.

    ``open``: without a final outcome in this sitting; ``held``: of these, those in batches.
    """

    def __init__(self) -> None:
        self.open = self.held = 0
        self.with_result = 0
        """In all sittings."""
        self._marks = np.zeros(1024, np.int32)
        """By item: twice the number of its batches, and 1 if it is over."""
        self._has_result = np.zeros(1024, bool)

    def begin_sitting(self) -> None:
        self.open = self.held = 0
        self._marks[:] = 0

    def taken(self, where: Where, stop: int) -> None:
        """They, all below ``stop``, are in one batch more."""
        self.make_room(stop)
        marks = self._marks[where]
        self.held += len(marks) - int(np.count_nonzero(marks))
        marks += 2
        if not isinstance(where, slice):
            self._marks[where] = marks

    def returned(self, where: Where) -> None:
        """They are in one batch less, whether they have a result or not."""
        marks = self._marks[where]
        marks -= 2
        self.held -= len(marks) - int(np.count_nonzero(marks))
        if not isinstance(where, slice):
            self._marks[where] = marks

    def finished(self, where: Where) -> tuple[int, Where]:
        """They have results. Returns for how many it is the first, and which those are."""
        self._over(where)
        known = self._has_result[where]
        twice = int(np.count_nonzero(known))
        new: Where = where
        if twice:
            indices = np.arange(where.start, where.stop) if isinstance(where, slice) else where
            new = indices[~known]
        self._has_result[where] = True
        kept = len(known) - twice
        self.with_result += kept
        return kept, new

    def batch_finished(self, where: slice) -> bool:
        """All items of a batch have results at once, and they leave it: as ``finished`` and
        ``returned``, at a fraction of the cost. False: they are not all in this one alone, or are
        not all new, so that nothing was done."""
        marks, known = self._marks[where], self._has_result[where]
        if known.any() or not (marks == 2).all():
            return False
        marks[:] = 1
        known[:] = True
        count = len(marks)
        self.open -= count
        self.held -= count
        self.with_result += count
        return True

    def gave_up(self, item: int) -> None:
        """It will have no result, and needs none."""
        self.make_room(item + 1)
        self._over(slice(item, item + 1))

    def reopened(self, start: int, stop: int) -> None:
        """They had a final outcome, of this sitting or another, and wait again."""
        self.make_room(stop)
        marks = self._marks[start:stop]
        marks &= ~1
        self.open += stop - start
        self.held += int(np.count_nonzero(marks))

    def all_done(self, where: Where) -> bool:
        return bool(self._has_result[where].all())

    def make_room(self, stop: int) -> None:
        if stop > len(self._marks):
            more = max(stop - len(self._marks), len(self._marks))
            self._marks = np.concatenate([self._marks, np.zeros(more, np.int32)])
            self._has_result = np.concatenate([self._has_result, np.zeros(more, bool)])

    def _over(self, where: Where) -> None:
        marks = self._marks[where]
        over = marks & 1
        if over.any():
            new = marks[over == 0]
            self.open -= len(new)
            self.held -= int(np.count_nonzero(new))
        else:
            self.open -= len(marks)
            self.held -= int(np.count_nonzero(marks))
        marks |= 1
        if not isinstance(where, slice):
            self._marks[where] = marks
