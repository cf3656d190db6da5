"""When items of a run waited that nobody worked on, over all sittings.

The seconds of waiting until a moment are a clock of their own, which stands still where nothing
waits: measured by it, what workers did not do is idleness; measured by the other, idleness and
lack of work together (``pcm.chronicle.ramps``).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from pcm.chronicle.columns import read


class Waits:
    """Times are unix seconds, and only grow."""

    def __init__(self) -> None:
        self.now = False
        self._edges = array("d")
        """Where waiting began and where it ended, in turn."""
        self._sums = array("d", [0.0])
        """Seconds of waiting before each edge, after the first 0."""

    def changed(self, at: float, waits: bool) -> None:
        """From now on something waits, or nothing does."""
        if waits != self.now:
            self._sums.append(self.until(at))
            self._edges.append(at)
            self.now = waits

    def until(self, at: float) -> float:
        """Seconds of waiting before a moment."""
        passed = bisect_right(self._edges, at)
        seconds = self._sums[passed]
        return seconds + at - self._edges[passed - 1] if passed % 2 else seconds

    def until_each(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        edges, sums = read(self._edges), read(self._sums)
        passed = np.searchsorted(edges, times, side="right")
        if not len(edges):
            return np.zeros(len(times))
        since = np.where(passed % 2 == 1, times - edges[np.maximum(passed - 1, 0)], 0.0)
        seconds: NDArray[np.float64] = sums[passed] + since
        return seconds
