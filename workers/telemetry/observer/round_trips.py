"""Round trips and waits, from acknowledgements alone.

A round trip goes from a segment to the acknowledgement of its end, both seen here: it is the way
from the observer to the receiver and back. A direction in which something was sent again gives none
for the moment, for one cannot know which of the two was meant (Karn's rule). Between batches one
segment of each direction is remembered.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.telemetry.observer.grouping import APART, Groups, distance, order_by
from workers.telemetry.observer.sequences import Kind, Segments


class Acks(NamedTuple):
    """Columns: segments that acknowledge, sorted by row and time. ``row`` is the direction in which
    they go; they are about row ^ 1."""

    row: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    acknowledged: NDArray[np.uint32]
    window: NDArray[np.uint16]
    is_bare: NDArray[np.bool_]
    """No payload, and no SYN, FIN or RST."""


class RoundTrips(NamedTuple):
    row: NDArray[np.int64]
    """The direction of the data."""
    nanoseconds: NDArray[np.int64]
    small: NDArray[np.bool_]
    """Whether the segment was a small message of its own."""


class Told(NamedTuple):
    """By acknowledgements, one value for each of them."""

    repeated: NDArray[np.bool_]
    """The same again while data are on the way: something is missing there."""
    closed: NDArray[np.bool_]
    """There is no room (a zero window)."""
    closed_ns: NDArray[np.int64]
    """Of the time before it, how long there had been no room."""


class Acknowledgements:
    """Of so many directions: what was acknowledged, and one segment on its way."""

    def __init__(self, rows: int) -> None:
        self.acknowledged = np.zeros(rows, np.uint32)
        self.known = np.zeros(rows, bool)
        self._window = np.zeros(rows, np.uint16)
        self._heard_ns = np.zeros(rows, np.int64)
        """When its sender last acknowledged something of the other direction."""
        self._probe_end = np.zeros(rows, np.uint32)
        self._probe_ns = np.zeros(rows, np.int64)
        self._probe_small = np.zeros(rows, bool)

    def forget(self, rows: NDArray[np.int64]) -> None:
        """These rows will be others'."""
        self.known[rows] = False
        self._heard_ns[rows] = self._probe_ns[rows] = 0

    def hear(self, acks: Acks, following: NDArray[np.uint32]) -> Told:
        """What they tell; before ``match``. ``following``: the next of each row's sequence."""
        groups = Groups.of_sorted(acks.row)
        rows, about = groups.rows, groups.rows ^ 1
        carried = np.where(
            self.known[about], self.acknowledged[about], acks.acknowledged[groups.starts]
        )
        previous = groups.before(acks.acknowledged, carried)
        window_before = groups.before(acks.window, self._window[rows])
        heard_before = groups.before(acks.time_ns, self._heard_ns[rows])
        on_the_way = distance(following[acks.row ^ 1], acks.acknowledged) > 0
        was_heard = heard_before > 0
        same = was_heard & (acks.acknowledged == previous) & (acks.window == window_before)
        closed = acks.window == 0
        was_closed = was_heard & (window_before == 0)
        told = Told(
            same & acks.is_bare & on_the_way & ~closed,
            closed,
            np.where(was_closed, acks.time_ns - heard_before, 0),
        )
        ends = groups.ends
        self._window[rows] = acks.window[ends]
        self._heard_ns[rows] = acks.time_ns[ends]
        return told

    def waits(self, rows: NDArray[np.int64], now_ns: int) -> NDArray[np.int64]:
        """For how long there has been no room at the senders of these rows, until now, which is
        then told."""
        closed = (self._heard_ns[rows] > 0) & (self._window[rows] == 0)
        seconds = np.where(closed, np.maximum(0, now_ns - self._heard_ns[rows]), 0)
        self._heard_ns[rows[closed]] = np.maximum(now_ns, self._heard_ns[rows[closed]])
        return seconds

    def match(
        self, segments: Segments, kinds: NDArray[np.uint8], small: NDArray[np.bool_], acks: Acks
    ) -> RoundTrips:
        """Round trips that these acknowledgements complete."""
        again = np.unique(segments.row[kinds == Kind.RETRANSMIT])
        self._probe_ns[again] = 0
        fits = (kinds == Kind.NEW) & (segments.length > 0)
        if len(again):
            fits &= ~np.isin(segments.row, again)
        row, time_ns, ends, small = (
            segments.row[fits],
            segments.time_ns[fits],
            (segments.sequence[fits].astype(np.int64) + segments.length[fits]).astype(np.uint32),
            small[fits],
        )
        found = self._matched(row, time_ns, ends, small, acks, again)
        if len(row):  # The last of each direction is remembered, unless one is on its way.
            last = Groups.of_sorted(row)
            mine, at = last.rows, last.ends
            away = ~self.known[mine] | (distance(ends[at], self.acknowledged[mine]) > 0)
            free = (self._probe_ns[mine] == 0) & away
            mine, at = mine[free], at[free]
            self._probe_end[mine], self._probe_ns[mine] = ends[at], time_ns[at]
            self._probe_small[mine] = small[at]
        return found

    def _matched(
        self,
        row: NDArray[np.int64],
        time_ns: NDArray[np.int64],
        ends: NDArray[np.uint32],
        small: NDArray[np.bool_],
        acks: Acks,
        again: NDArray[np.int64],
    ) -> RoundTrips:
        order = order_by(acks.row ^ 1)
        about = (acks.row ^ 1)[order]
        groups = Groups.of_sorted(about)
        rows = groups.rows
        if not len(rows):
            return RoundTrips(rows, rows, np.zeros(0, bool))
        number = acks.acknowledged[order]
        fresh = ~self.known[rows]
        # Of a flow that was under way already: all before is as good as acknowledged.
        self.acknowledged[rows[fresh]] = number[groups.starts[fresh]] - np.uint32(1)
        self.known[rows] = True
        reference = self.acknowledged[rows]
        reach = distance(number, reference[groups.of])
        greatest = groups.greatest(reach)
        before = groups.before(greatest, np.zeros(len(rows), np.int64))
        # What is on its way from before, ahead of what came now.
        on_way = rows[self._probe_ns[rows] > 0]
        all_rows = np.concatenate([on_way, row])
        all_ends = np.concatenate([self._probe_end[on_way], ends])
        all_ns = np.concatenate([self._probe_ns[on_way], time_ns])
        all_small = np.concatenate([self._probe_small[on_way], small])
        keys = all_rows * APART + distance(all_ends, self.acknowledged[all_rows])
        sort = np.argsort(keys, kind="stable")
        asked = about * APART + reach
        at = np.searchsorted(keys[sort], asked, side="right") - 1
        hit = sort[np.maximum(at, 0)] if len(sort) else np.zeros(len(at), np.int64)
        good = (reach > before) & (at >= 0)
        if len(sort):
            good &= (all_rows[hit] == about) & (keys[hit] - about * APART > before)
            good &= all_ns[hit] < acks.time_ns[order]
        if len(again):
            good &= ~np.isin(about, again)
        found = (
            RoundTrips(
                about[good],
                acks.time_ns[order][good] - all_ns[hit[good]],
                all_small[hit[good]],
            )
            if len(sort)
            else RoundTrips(about[:0], about[:0], np.zeros(0, bool))
        )
        self.acknowledged[rows] = (reference.astype(np.int64) + greatest[groups.ends]).astype(
            np.uint32
        )
        done = on_way[distance(self._probe_end[on_way], self.acknowledged[on_way]) <= 0]
        self._probe_ns[done] = 0
        return found
