"""What each TCP segment is in its sequence: new, early, late, sent again, or doubled on the way.

A segment that begins beyond all that came leaves a hole: an earlier one is late or lost. One that
begins before all that came is told apart by two questions, as Jaiswal et al. do ("Measurement and
classification of out-of-sequence packets in a tier-1 IP backbone", IEEE/ACM ToN 15(1), 2007). Does
it fill a hole, or were its bytes seen here? And was it made before or after the newest segment?
Senders count their packets up in the identification field of IPv4; where there is none, time says:
what fills a hole within 3 ms was overtaken, as in Wireshark's analysis of TCP.

============  ======================  ===========================
              made before the newest  made after it, or not known
============  ======================  ===========================
fills a hole  OUT_OF_ORDER            RETRANSMIT (lost before it came here)
seen here     DUPLICATE (the network) RETRANSMIT (lost beyond, or needless)
============  ======================  ===========================

A segment of at most one byte just before the next is a keep-alive, and none of these. All is
computed for all flows at once, but for segments that are not in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.telemetry.observer.grouping import Groups, distance

OVERTAKEN_NS = 3_000_000
TIMEOUT_NS = 200_000_000
"""The least time after which Linux sends again without having been told of a loss."""
MAX_HOLES = 8
"""Kept of a direction; the oldest is forgotten."""
_OTHER_STREAM = 1 << 30
"""A jump so far is no gap: the ports are used anew."""


class Kind(IntEnum):
    NEW = 0
    RETRANSMIT = 1
    OUT_OF_ORDER = 2
    DUPLICATE = 3
    KEEP_ALIVE = 4


class Segments(NamedTuple):
    """Columns: what takes room in a TCP sequence, sorted by row and time. A row is one direction of
    a flow."""

    row: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    sequence: NDArray[np.uint32]
    length: NDArray[np.int64]
    """Of payload, and one for SYN and for FIN."""
    identification: NDArray[np.int32]
    """-1 where there is none."""
    opens: NDArray[np.bool_]
    """Whether it has SYN."""


@dataclass
class _Hole:
    start: int
    length: int
    since_ns: int


class Sequences:
    """Of so many directions: what came last, and the holes."""

    def __init__(self, rows: int) -> None:
        self.next = np.zeros(rows, np.uint32)
        """Behind all that came."""
        self.known = np.zeros(rows, bool)
        self.renewed = np.zeros(0, np.int64)
        """Rows of which the last batch began another sequence: ports that were used anew."""
        self._newest_id = np.full(rows, -1, np.int32)
        self._last_ns = np.zeros(rows, np.int64)
        self._holes: dict[int, list[_Hole]] = {}

    def forget(self, rows: NDArray[np.int64]) -> None:
        """These rows will be others'."""
        self.known[rows] = False
        self._newest_id[rows] = -1
        if self._holes:
            for row in rows:
                self._holes.pop(int(row), None)

    def follow(self, segments: Segments) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The kind of each, and which were sent again only after a timeout."""
        kinds = np.zeros(len(segments.row), np.uint8)
        late_by = np.zeros(len(segments.row), bool)
        self.renewed = segments.row[:0]
        if not len(kinds):
            return kinds, late_by
        groups = Groups.of_sorted(segments.row)
        rows = groups.rows
        self._renew(groups, segments)
        reference = self.next[rows]
        start = distance(segments.sequence, reference[groups.of])
        end = start + segments.length
        stray = np.abs(start) > _OTHER_STREAM
        if stray.any():
            end[stray] = start[stray] = 0
        greatest = groups.greatest(end)
        before = groups.before(greatest, np.zeros(len(rows), np.int64))
        is_late = start < before
        is_early = start > before
        is_late[stray] = is_early[stray] = False
        kinds[is_late & (segments.length <= 1) & (start == before - 1) & ~segments.opens] = (
            Kind.KEEP_ALIVE
        )
        is_late &= kinds != Kind.KEEP_ALIVE
        previous_ns = groups.before(segments.time_ns, self._last_ns[rows])
        newest = self._newest(groups, segments, ~is_late & (kinds == Kind.NEW))
        for index in np.flatnonzero(is_late | is_early):
            if is_early[index]:
                gap = int(start[index] - before[index])
                self._open(segments, int(index), gap)
            else:
                kinds[index] = self._late(segments, int(index), int(newest[index]))
        late_by = (kinds == Kind.RETRANSMIT) & (segments.time_ns - previous_ns >= TIMEOUT_NS)
        ends = groups.ends
        self.next[rows] = (reference.astype(np.int64) + greatest[ends]).astype(np.uint32)
        self.known[rows] = True
        self._last_ns[rows] = segments.time_ns[ends]
        return kinds, late_by

    def _renew(self, groups: Groups, segments: Segments) -> None:
        """Begins the sequences of rows that are new, or of whose flow the ports are used anew."""
        rows, first = groups.rows, groups.starts
        anew = segments.opens[first] | ~self.known[rows]
        anew |= np.abs(distance(segments.sequence[first], self.next[rows])) > _OTHER_STREAM
        # A SYN that is sent again is none: it ends where the sequence begins.
        again = distance(segments.sequence[first] + np.uint32(1), self.next[rows]) == 0
        anew &= ~(self.known[rows] & again & segments.opens[first])
        self.renewed = rows[anew & self.known[rows]]
        if anew.any():
            self.forget(rows[anew])
            self.next[rows[anew]] = segments.sequence[first[anew]]

    def _newest(
        self, groups: Groups, segments: Segments, advances: NDArray[np.bool_]
    ) -> NDArray[np.int32]:
        """Before each segment, the identification of the newest that had come by then."""
        marked = advances & (segments.identification >= 0)
        places = np.where(marked, np.arange(len(marked)), -1)
        latest = np.maximum.accumulate(places)
        in_group = latest >= groups.starts[groups.of]
        carried = self._newest_id[groups.rows]
        upto = np.where(in_group, segments.identification[latest], carried[groups.of])
        newest = groups.before(upto, carried)
        self._newest_id[groups.rows] = upto[groups.ends]
        return newest

    def _late(self, segments: Segments, index: int, newest: int) -> Kind:
        """What a segment is that begins before all that came; ``newest`` is the identification of
        the newest by then."""
        now, mark = int(segments.time_ns[index]), int(segments.identification[index])
        filled = self._fill(
            int(segments.row[index]), int(segments.sequence[index]), int(segments.length[index])
        )
        if mark < 0 or newest < 0:
            is_older = filled is not None and now - filled < OVERTAKEN_NS
        else:
            is_older = (mark - newest) & 0xFFFF >= 0x8000 or mark == newest
        if not is_older:
            return Kind.RETRANSMIT
        return Kind.DUPLICATE if filled is None else Kind.OUT_OF_ORDER

    def _open(self, segments: Segments, index: int, gap: int) -> None:
        """A hole ahead of a segment."""
        start = (int(segments.sequence[index]) - gap) & 0xFFFFFFFF
        holes = self._holes.setdefault(int(segments.row[index]), [])
        holes.append(_Hole(start, gap, int(segments.time_ns[index])))
        del holes[:-MAX_HOLES]

    def _fill(self, row: int, start: int, length: int) -> int | None:
        """Since when there has been the hole that it fills, in part or whole; None if none."""
        since = None
        left: list[_Hole] = []
        for hole in self._holes.get(row, ()):
            begin = ((start - hole.start + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
            finish = begin + length
            if begin >= hole.length or finish <= 0:
                left.append(hole)
                continue
            since = hole.since_ns
            if begin > 0:
                left.append(_Hole(hole.start, begin, hole.since_ns))
            if finish < hole.length:
                rest = hole.length - finish
                left.append(_Hole((hole.start + finish) & 0xFFFFFFFF, rest, hole.since_ns))
        if since is not None:
            if left:
                self._holes[row] = left[-MAX_HOLES:]
            else:
                del self._holes[row]
        return since
