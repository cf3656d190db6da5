"""Heads dealt whole: numbers onto groups of ranks, so that the largest load per rank is least.

A group of ``size`` ranks shares its heads evenly, so its load per rank is its sum by its size; in
the literature, groups are uniform machines, and single ranks identical ones. A branch and bound
begins at what exchanges reach: it takes the heads from the heaviest, each first to the group that
it loads least, and goes back. It is exact where it comes to its end, as it does for few heads; else
the gap to a proven bound is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from workers.heads.bounds import lower_bound
from workers.heads.exchanging import dealt, exchanged, largest_of

NODES = 2_000
"""Steps of a search before it is given up."""
ROUNDING = 1e-12
"""Sums of the same numbers in another order differ by so much, relatively."""


class Partition(NamedTuple):
    """``groups``: heads by group. ``largest``: load per rank of the most loaded group. ``bound``:
    what none can stay below; equal to ``largest`` where it is proven to be the optimum."""

    groups: tuple[tuple[int, ...], ...]
    largest: float
    bound: float

    @property
    def exact(self) -> bool:
        return self.largest <= self.bound * (1 + ROUNDING)


def partition(
    loads: Sequence[float], sizes: Sequence[int], *, nodes: int = NODES, enough: float = 0.0
) -> Partition:
    """Deal ``loads`` (by head, not negative) to groups of so many ranks.

    The search ends after so many ``nodes``, at the proven bound, or at ``enough``: a largest load
    with which the caller is content.
    """
    search = _Search(loads, sizes, nodes, enough)
    search.run()
    bound = search.largest if search.exhausted else min(search.bound, search.largest)
    return Partition(search.groups(), search.largest, bound)


class _Search:
    """Depth first, from the heaviest head. ``nodes`` counts down."""

    def __init__(
        self, loads: Sequence[float], sizes: Sequence[int], nodes: int, enough: float
    ) -> None:
        self._order = sorted(range(len(loads)), key=lambda head: -loads[head])
        self._weights = [loads[head] for head in self._order]
        self._sizes = sizes
        self._ranks = sum(sizes)
        self._total = sum(self._weights)
        self._nodes = nodes
        self.bound = lower_bound(loads, sizes)
        self._goal = max(self.bound * (1 + ROUNDING), enough)
        self._sums = [0.0] * len(sizes)
        self._at = [0] * len(loads)
        self._best: Sequence[int] = ()
        self.largest = float("inf")
        self.exhausted = False

    def run(self) -> None:
        self._best = exchanged(self._weights, self._sizes, dealt(self._weights, self._sizes))
        self.largest = largest_of(self._weights, self._sizes, self._best)
        if self.largest > self._goal:
            self.exhausted = self._place(0, 0.0)

    def groups(self) -> tuple[tuple[int, ...], ...]:
        found: list[list[int]] = [[] for _ in self._sizes]
        for place, group in enumerate(self._best):
            found[group].append(self._order[place])
        return tuple(tuple(sorted(heads)) for heads in found)

    def _place(self, place: int, largest: float) -> bool:
        """Whether the search may go on: not if it is over, by nodes or at its goal."""
        if place == len(self._weights):
            self.largest, self._best = largest, list(self._at)
            return largest > self._goal
        weight = self._weights[place]
        ways: list[tuple[float, int]] = []
        seen: set[tuple[float, int]] = set()
        for group, (total, size) in enumerate(zip(self._sums, self._sizes, strict=True)):
            if (total, size) not in seen:  # the same as another group
                seen.add((total, size))
                ways.append(((total + weight) / size, group))
        ways.sort()
        for load, group in ways:
            after = max(largest, load)
            if after * (1 + ROUNDING) >= self.largest:
                break
            self._nodes -= 1
            if self._nodes < 0:
                return False
            before = self._sums[group]
            self._sums[group] = before + weight
            self._at[place] = group
            goes_on = self._hopeless(place + 1) or self._place(place + 1, after)
            self._sums[group] = before
            if not goes_on:
                return False
        return True

    def _hopeless(self, place: int) -> bool:
        """Whether so much room stays empty, for want of heads that are small enough, that nothing
        better than the best can come of it."""
        if place == len(self._weights):
            return False
        least = self._weights[-1]
        slack = self.largest * self._ranks - self._total
        for total, size in zip(self._sums, self._sizes, strict=True):
            room = self.largest * size - total
            if room <= least:
                slack -= room
                if slack <= 0:
                    return True
        return False
