"""When items of a run waited that nobody worked on: whether idle workers could have been of use."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


class WaitingTime:
    """The stretches in which something waited, so far. Times are unix seconds, and only grow."""

    def __init__(self) -> None:
        self._edges: list[float] = []
        """Where waiting began and where it ended, in turn."""
        self._sums = [0.0]
        """Of the stretches that have ended: seconds in the first of them, in the first two..."""

    def changed(self, at: float, *, waits: bool) -> None:
        """From now on something waits, or nothing does."""
        if waits == bool(len(self._edges) % 2):
            return
        if not waits:
            self._sums.append(self._sums[-1] + at - self._edges[-1])
        self._edges.append(at)

    def within(self, start: float, stop: float) -> float:
        """The seconds of waiting between two times."""
        return self._until(stop) - self._until(start)

    def pieces(self, start: float, stop: float) -> Iterator[tuple[float, float, bool]]:
        """The time between two, cut where waiting began or ended: with whether something waited."""
        number = bisect_right(self._edges, start)
        for edge in self._edges[number : bisect_left(self._edges, stop)]:
            yield start, edge, bool(number % 2)
            start, number = edge, number + 1
        if start < stop:
            yield start, stop, bool(number % 2)

    def _until(self, at: float) -> float:
        passed = bisect_right(self._edges, at)
        seconds = self._sums[passed // 2]
        return seconds + at - self._edges[passed - 1] if passed % 2 else seconds


class Waiting:
    """Counts the items of a run, in one sitting, that have no result and are in no batch."""

    def __init__(self) -> None:
        self.time = WaitingTime()
        self._open = 0
        """Items without a result."""
        self._held = 0
        """Of these, those in batches."""
        self._batches = np.zeros(1024, np.int32)
        """By item: how many batches have it."""
        self._done = np.zeros(1024, bool)
        self._rests = False
        self.resting = WaitingTime()
        """When the run rested, whether or not anything would have waited."""

    def added(self, items: int, at: float) -> None:
        """So many items more, all without a result."""
        self._open += items
        self._look(at)

    def taken(self, items: NDArray[np.int64], stop: int, at: float) -> None:
        """They, all below ``stop``, are in one batch more."""
        self._make_room(stop)
        before = self._batches[items]
        self._held += int(np.count_nonzero((before == 0) & ~self._done[items]))
        self._batches[items] = before + 1
        self._look(at)

    def returned(self, items: NDArray[np.int64], at: float) -> None:
        """They are in one batch less, whether they have a result or not."""
        if len(items):
            after = self._batches[items] - 1
            self._batches[items] = after
            self._held -= int(np.count_nonzero((after == 0) & ~self._done[items]))
            self._look(at)

    def decided(self, items: NDArray[np.int64], at: float) -> None:
        """They have results, and need no more. All were in a batch before."""
        if len(items):
            new = items[~self._done[items]]
            self._done[new] = True
            self._open -= len(new)
            self._held -= int(np.count_nonzero(self._batches[new]))
            self._look(at)

    def gave_up(self, item: int, at: float) -> None:
        """It will have no result, and needs none."""
        self._make_room(item + 1)
        self.decided(np.array([item]), at)

    def reopened(self, items: NDArray[np.int64], at: float) -> None:
        """They had their final outcome, in this sitting or another, and need one again."""
        if len(items):
            self._make_room(int(items.max()) + 1)
            self._done[items] = False
            self._open += len(items)
            self._held += int(np.count_nonzero(self._batches[items]))
            self._look(at)

    def paused(self, at: float, *, rests: bool) -> None:
        """While a run rests at its user's wish, nobody could be of use."""
        self._rests = rests
        self.resting.changed(at, waits=rests)
        self._look(at)

    def _look(self, at: float) -> None:
        self.time.changed(at, waits=self._open > self._held and not self._rests)

    def _make_room(self, stop: int) -> None:
        if stop > len(self._done):
            more = max(stop - len(self._done), len(self._done))
            self._done = np.concatenate([self._done, np.zeros(more, bool)])
            self._batches = np.concatenate([self._batches, np.zeros(more, np.int32)])
