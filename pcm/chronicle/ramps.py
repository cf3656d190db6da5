"""How many of many stretches of time lie before a moment: exactly, at any moment, at once.

The seconds of stretches ``[a, b)`` before ``t`` are the sum of ``max(t - a, 0) - max(t - b, 0)``:
with the ends sorted and their sums kept, a search and two products. The same holds by any other
clock that never goes back, such as that of ``Waits``.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcm.chronicle.columns import read

TAIL_EDGES = 4096
"""So many may be unsorted, or an eighth of all, before they are sorted into the rest."""

Floats = NDArray[np.float64]


class Passed(NamedTuple):
    """At each of some moments: how many stretches go on, the seconds of all until then, and the
    seconds by the clock of waiting. Arrays of one shape."""

    going_on: Floats
    seconds: Floats
    waiting: Floats

    def __add__(self, other: object) -> Passed:
        assert isinstance(other, Passed)
        return Passed(
            self.going_on + other.going_on,
            self.seconds + other.seconds,
            self.waiting + other.waiting,
        )

    def __sub__(self, other: Passed) -> Passed:
        return Passed(
            self.going_on - other.going_on,
            self.seconds - other.seconds,
            self.waiting - other.waiting,
        )


class Ramp:
    """Ends of stretches, in any order. Times are seconds from one origin: so sums are exact."""

    def __init__(self) -> None:
        self._times, self._waited, self._signs = array("d"), array("d"), array("b")
        self._sorted = 0
        self._sums = _summed(np.empty(0), np.empty(0), np.empty(0))

    def begin(self, at: float, waited: float) -> None:
        """A stretch begins; ``waited``: the seconds of waiting until then."""
        self._times.append(at)
        self._waited.append(waited)
        self._signs.append(1)

    def end(self, at: float, waited: float) -> None:
        self._times.append(at)
        self._waited.append(waited)
        self._signs.append(-1)

    def passed(self, times: Floats, waited: Floats) -> Passed:
        """At each of the times; ``waited``: the seconds of waiting until each."""
        if len(self._times) - self._sorted > max(TAIL_EDGES, self._sorted // 8):
            self._sums = _summed(read(self._times), read(self._waited), read(self._signs))
            self._sorted = len(self._times)
        first = self._sorted
        tail = (read(self._times[first:]), read(self._waited[first:]), read(self._signs[first:]))
        return _looked_up(self._sums, times, waited) + _looked_up(_summed(*tail), times, waited)


class Ramps:
    """The same for stretches that are all known: arrays of one shape, by both clocks."""

    def __init__(
        self, starts: Floats, stops: Floats, waited_starts: Floats, waited_stops: Floats
    ) -> None:
        self._sums = _summed(
            np.concatenate([starts, stops]),
            np.concatenate([waited_starts, waited_stops]),
            np.repeat([1.0, -1.0], len(starts)),
        )

    def passed(self, times: Floats, waited: Floats) -> Passed:
        return _looked_up(self._sums, times, waited)


Sums = tuple[Floats, Floats, Floats, Floats]


def _summed(times: Floats, waited: Floats, signs: NDArray[np.number]) -> Sums:
    """Sorted times, and up to each: the number of stretches and the sums of ends by both clocks."""
    order = np.argsort(times, kind="stable")
    times, waited, weights = times[order], waited[order], signs[order].astype(float)
    sums = (weights, weights * times, weights * waited)
    count, seconds, waits = (np.concatenate([[0.0], np.cumsum(one)]) for one in sums)
    return times, count, seconds, waits


def _looked_up(sums: Sums, times: Floats, waited: Floats) -> Passed:
    ends, count, seconds, waits = sums
    place = np.searchsorted(ends, times, side="right")
    going_on = count[place]
    return Passed(going_on, going_on * times - seconds[place], going_on * waited - waits[place])
