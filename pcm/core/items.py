"""The items of one run: their costs and states as arrays, and the waiting ones as ranges.

A waiting item is in one *lane*. The main lane is a queue of spans; what comes back from a lost
batch goes to its front, what failed and is tried again to its end. The few dearest items have a
lane of their own, by their cost: begun last, one of them would keep a run from ending (longest
processing time first, Graham 1969). The lanes of suspects are kept by
``pcm.core.suspects``. Nothing here is proportional to the number of items, except ``add``.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from math import inf
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcm.core.commands import Ranges

WAITING, IN_FLIGHT, FINISHED, FAILED = range(4)

DEAR = 4.0
"""An item is dear if it costs more than so many times the mean of those it was added with..."""
DEAR_SHARE = 16
"""...and is one of the dearest, no more than one in so many, or..."""
DEAR_FEW = 8
"""...so many in all: each is known by itself."""


class Span(NamedTuple):
    """Consecutive items that will be sent as the same attempt. Settled ones in between are
    passed over (a resumed run has them)."""

    start: int
    stop: int
    attempt: int


class Cut(NamedTuple):
    """What was taken off a lane to be a batch."""

    ranges: Ranges
    attempt: int
    size: int
    cost: float


class Items:
    """About 9 bytes per item: a float64 of the costs' running sum and a uint8 of the state."""

    def __init__(self) -> None:
        self.lane: deque[Span] = deque()
        self.dear: list[int] = []
        """By cost, the dearest last. None was ever sent."""
        self.state = bytearray()
        self.counts = [0, 0, 0, 0]
        """How many items are in each state."""
        self.waiting_cost = 0.0
        self.in_flight_cost = 0.0
        self._sums = array("d", [0.0])

    def __len__(self) -> int:
        return sum(self.counts)

    @property
    def waiting(self) -> int:
        return self.counts[WAITING]

    @property
    def in_flight(self) -> int:
        return self.counts[IN_FLIGHT]

    @property
    def finished(self) -> int:
        return self.counts[FINISHED]

    @property
    def failed(self) -> int:
        return self.counts[FAILED]

    def cost(self, start: int, stop: int) -> float:
        return self._sums[stop] - self._sums[start]

    def add(self, costs: Any, finished: Any = None, *, dearest_first: bool = False) -> None:
        """Append items. Raises ValueError for costs that are not positive numbers."""
        costs = np.asarray(costs, dtype=np.float64)
        if costs.ndim != 1 or not (np.isfinite(costs).all() and (costs > 0).all()):
            raise ValueError("costs must be an array of positive numbers, one per item")
        start, stop = len(self.state), len(self.state) + len(costs)
        if finished is None:
            done, waiting_cost = 0, float(costs.sum())
            self.state.extend(bytes(len(costs)))
        else:
            finished = np.asarray(finished, dtype=bool)
            if finished.shape != costs.shape:
                raise ValueError(f"finished has shape {finished.shape}, costs {costs.shape}")
            done, waiting_cost = int(finished.sum()), float(costs[~finished].sum())
            self.state.extend((finished * np.uint8(FINISHED)).tobytes())
        self._sums.frombytes((self._sums[-1] + np.cumsum(costs)).tobytes())
        self.counts[WAITING] += len(costs) - done
        self.counts[FINISHED] += done
        self.waiting_cost += waiting_cost
        if done < len(costs):
            waits = np.ones(len(costs), bool) if finished is None else ~finished
            dear = [start + at for at in _dearest(costs, waits)] if dearest_first else []
            for item in dear:
                self.put_last(start, item, attempt=1)
                start = item + 1
            self.put_last(start, stop, attempt=1)
            if dear:
                self.dear = sorted([*self.dear, *dear], key=self._cost_of)

    def put_last(self, start: int, stop: int, attempt: int) -> None:
        """Append to the main lane, as one span with its last where they touch."""
        if start == stop:
            return
        if self.lane and self.lane[-1][1:] == (start, attempt):
            start = self.lane.pop().start
        self.lane.append(Span(start, stop, attempt))

    def take(
        self, lane: deque[Span], items_max: int, cost_max: float, first_max: float = inf
    ) -> Cut | None:
        """Put the first items of a lane in flight: at least one, of one attempt, within both
        bounds. None if nothing waits there, or if the first costs more than ``first_max``."""
        ranges: list[tuple[int, int]] = []
        attempt, count, cost = 0, 0, 0.0
        cost_max *= 1 + 1e-9  # the running sums are rounded
        while lane and count < items_max and (not ranges or lane[0].attempt == attempt):
            span = lane[0]
            start = self.state.find(WAITING, span.start, span.stop)
            if start < 0:
                lane.popleft()
                continue
            if not ranges and self._cost_of(start) > first_max:
                return None
            stop = min(span.stop, start + items_max - count)
            affordable = self._sums[start] + cost_max - cost
            stop = bisect_right(self._sums, affordable, start + 1, stop + 1) - 1
            if stop == start:
                if ranges:
                    break
                stop += 1
            settled = self.state.find(FINISHED, start, stop)
            if settled >= 0:
                stop = settled
            self.state[start:stop] = bytes((IN_FLIGHT,)) * (stop - start)
            ranges.append((start, stop))
            attempt = span.attempt
            count += stop - start
            cost += self.cost(start, stop)
            if stop < span.stop:
                lane[0] = Span(stop, span.stop, attempt)
            else:
                lane.popleft()
        if not ranges:
            return None
        self._move(WAITING, IN_FLIGHT, count, cost)
        return Cut(tuple(ranges), attempt, count, cost)

    def take_dearest(self, cost_max: float = inf) -> Cut | None:
        """Put the dearest item that costs no more in flight, if there is such on its lane."""
        at = bisect_right(self.dear, cost_max, key=self._cost_of) - 1
        return None if at < 0 else self.take_one(self.dear.pop(at), attempt=1)

    def reopen(self, ranges: Ranges) -> int:
        """Settled items wait again, as if they had never been sent; returns how many were settled.

        Those of an earlier sitting may be within a span of the lane, where they are met.
        """
        spans = sorted((span.start, span.stop) for span in self.lane)
        reopened = 0
        for item in (item for start, stop in ranges for item in range(start, stop)):
            state = self.state[item]
            if state not in (FINISHED, FAILED):
                continue
            self.state[item] = WAITING
            self.counts[state] -= 1
            self.counts[WAITING] += 1
            self.waiting_cost += self._cost_of(item)
            reopened += 1
            before = bisect_right(spans, item, key=itemgetter(0)) - 1
            if before < 0 or item >= spans[before][1]:
                self.put_last(item, item + 1, attempt=1)
        return reopened

    def clear(self) -> None:
        """Nothing waits on a lane any more."""
        self.lane.clear()
        self.dear.clear()

    def take_one(self, item: int, attempt: int) -> Cut:
        """Put one waiting item in flight, which the caller has taken off its lane."""
        cost = self.cost(item, item + 1)
        self.state[item] = IN_FLIGHT
        self._move(WAITING, IN_FLIGHT, 1, cost)
        return Cut(((item, item + 1),), attempt, 1, cost)

    def settle(self, item: int, outcome: int) -> None:
        """An item in flight has its final outcome (FINISHED or FAILED)."""
        self.state[item] = outcome
        self.counts[IN_FLIGHT] -= 1
        self.counts[outcome] += 1
        self.in_flight_cost -= self._sums[item + 1] - self._sums[item]

    def settle_ranges(self, ranges: Ranges, count: int) -> None:
        """All items of the ranges, in flight until now, are finished."""
        for start, stop in ranges:
            self.state[start:stop] = bytes((FINISHED,)) * (stop - start)
            self.in_flight_cost -= self.cost(start, stop)
        self.counts[IN_FLIGHT] -= count
        self.counts[FINISHED] += count

    def give_back(self, start: int, stop: int) -> None:
        """Items in flight wait again; the caller puts them on a lane."""
        self.state[start:stop] = bytes(stop - start)
        self._move(IN_FLIGHT, WAITING, stop - start, self.cost(start, stop))

    def _cost_of(self, item: int) -> float:
        return self._sums[item + 1] - self._sums[item]

    def _move(self, old: int, new: int, count: int, cost: float) -> None:
        self.counts[old] -= count
        self.counts[new] += count
        sign = 1.0 if new == WAITING else -1.0
        # Differences of running sums leave rounding dust; an empty lane costs nothing.
        self.waiting_cost = self.waiting_cost + sign * cost if self.counts[WAITING] else 0.0
        self.in_flight_cost = self.in_flight_cost - sign * cost if self.counts[IN_FLIGHT] else 0.0


def _dearest(costs: NDArray[np.float64], waits: NDArray[np.bool_]) -> list[int]:
    """Positions of the dear ones that wait, ascending."""
    most = max(DEAR_FEW, len(costs) // DEAR_SHARE)
    candidates = np.flatnonzero((costs > DEAR * costs.mean()) & waits)
    if len(candidates) > most:
        candidates = candidates[np.argsort(costs[candidates], kind="stable")[-most:]]
    return [int(position) for position in np.sort(candidates)]


def spans_of(items: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending or not, item indices as half-open ranges in the given order."""
    spans: list[tuple[int, int]] = []
    for item in items:
        if spans and spans[-1][1] == item:
            spans[-1] = (spans[-1][0], item + 1)
        else:
            spans.append((item, item + 1))
    return spans
