"""Heads that several ranks have, each for its part of a batch's rows: one group of ranks.

The heads of a group are laid in a row, each as long as its load, and the row is cut into equal
pieces, one per rank (McNaughton's wrap-around rule, 1959): a head that a cut goes through is on
both ranks beside it. So a group of ``size`` ranks is balanced with at most size - 1 copies, and any
two ranks have at most one head in common. Where a batch has few rows, a cut can only be between
rows: then what is laid next is chosen so that little is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from workers.heads.plan import Share

NEAR = 1e-9
"""A cut so near to a head's border, relatively, is at the border."""
FINE = 5e-4
"""The least sufficient room per rank is looked for so exactly, relatively."""

Shares = tuple[tuple[Share, ...], ...]


def wrapped(loads: Sequence[float], heads: Sequence[int], size: int) -> Shares:
    """The heads of a group shared evenly by ``size`` ranks. ``loads`` by head."""
    piece = sum(loads[head] for head in heads) / size
    ranks: list[list[Share]] = [[] for _ in range(size)]
    rank, room = 0, piece
    for head in sorted(heads, key=lambda head: -loads[head]):
        load, start = loads[head], 0.0
        while rank < size - 1 and (1 - start) * load > room + NEAR * piece:
            stop = start + room / load
            if room > NEAR * piece:
                ranks[rank].append(Share(head, start, stop))
                start = stop
            rank, room = rank + 1, piece
        ranks[rank].append(Share(head, start, 1.0))
        room = max(0.0, room - (1 - start) * load)
    return tuple(map(tuple, ranks))


def wrapped_in_rows(
    loads: Sequence[float], heads: Sequence[int], size: int, rows: int
) -> tuple[Shares, float]:
    """The same with cuts between the rows of a batch of so many; and the largest load. It is the
    best that was found, not the best that there is."""
    total = sum(loads[head] for head in heads)
    best = _Filling(loads, heads, size, rows, total, WAYS[0])
    least = best.largest()
    for way in WAYS:
        bottom, top = total / size, least
        while top - bottom > FINE * bottom:
            middle = (bottom + top) / 2
            filling = _Filling(loads, heads, size, rows, middle, way)
            found = filling.largest()
            if found < least:
                best, least = filling, found
            if found <= middle * (1 + NEAR):
                top = found
            else:
                bottom = middle
    return best.shares(), least


class _Way(NamedTuple):
    """``lightest_first``: whole heads in this order. ``cut_first``: a head that fits on no rank
    whole is begun before whole heads are taken."""

    lightest_first: bool
    cut_first: bool


WAYS = (_Way(False, False), _Way(True, False), _Way(False, True))


class _Filling:
    """Ranks filled one after the other up to ``room``; the last takes what is left. A rank takes
    the rest of the head that was cut last, whole heads as they fit, and a part of one more."""

    def __init__(
        self,
        loads: Sequence[float],
        heads: Sequence[int],
        size: int,
        rows: int,
        room: float,
        way: _Way,
    ) -> None:
        self._loads, self._rows, self._room = loads, rows, room * (1 + NEAR)
        self._left = sorted(heads, key=lambda head: -loads[head])
        self._way = way
        self._cut: tuple[int, int] | None = None
        """A head that was begun, and how many of its rows are given."""
        self._ranks: list[list[tuple[int, int, int]]] = []
        for _ in range(size - 1):
            self._fill()
        self._take_what_is_left()

    def largest(self) -> float:
        return (
            max(
                sum(self._loads[head] * (stop - start) for head, start, stop in parts)
                for parts in self._ranks
            )
            / self._rows
        )

    def shares(self) -> Shares:
        return tuple(
            tuple(Share(head, start / self._rows, stop / self._rows) for head, start, stop in parts)
            for parts in self._ranks
        )

    def _take_what_is_left(self) -> None:
        parts = [(head, 0, self._rows) for head in self._left]
        if self._cut is not None:
            parts.append((*self._cut, self._rows))
        self._ranks.append(parts)

    def _fill(self) -> None:
        parts: list[tuple[int, int, int]] = []
        self._ranks.append(parts)
        room = self._room
        if self._cut is not None:
            head, start = self._cut
            unit = self._loads[head] / self._rows
            stop = self._rows if unit * (self._rows - start) <= room else start + int(room / unit)
            if stop > start:
                parts.append((head, start, stop))
            room -= unit * (stop - start)
            self._cut = (head, stop) if stop < self._rows else None
        cuts_first = self._way.cut_first and self._cut is None
        if cuts_first and self._left and self._loads[self._left[0]] > self._room:
            room = self._part_of(self._left[0], parts, room)
        order = reversed(list(self._left)) if self._way.lightest_first else list(self._left)
        for head in order:
            if self._loads[head] <= room:
                parts.append((head, 0, self._rows))
                self._left.remove(head)
                room -= self._loads[head]
        if self._cut is None and self._left:
            self._part_of(max(self._left, key=lambda head: self._fitting(head, room)), parts, room)

    def _fitting(self, head: int, room: float) -> float:
        """How much of the room whole rows of this head would take."""
        unit = self._loads[head] / self._rows
        return int(room / unit) * unit

    def _part_of(self, head: int, parts: list[tuple[int, int, int]], room: float) -> float:
        """Cut this head; the room that stays is returned."""
        unit = self._loads[head] / self._rows
        stop = min(int(room / unit), self._rows - 1)
        if stop > 0:
            parts.append((head, 0, stop))
            self._left.remove(head)
            self._cut = (head, stop)
            room -= stop * unit
        return room
