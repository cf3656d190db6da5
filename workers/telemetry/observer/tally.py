"""Counts of a window: of each direction of a flow, and summed from each party to each.

What a flow counted is kept when it has to leave the table, in the sums of its parties.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.telemetry.observer.grouping import Groups

MAX_SAMPLES = 200_000
"""Kept of a window, of each sort; more are counted, not kept."""


class Count(IntEnum):
    PACKETS = 0
    BYTES = 1
    """With IP headers."""
    PAYLOAD = 2
    SEGMENTS = 3
    """Of TCP, with payload (or SYN or FIN)."""
    RETRANSMITS = 4
    OUT_OF_ORDER = 5
    DUPLICATES = 6
    TIMEOUTS = 7
    MARKS = 8
    # What the other side says of this direction's data:
    REPEATED = 9
    CLOSED = 10
    CLOSED_NS = 11
    LARGE_BYTES = 12


class Tally:
    def __init__(self, rows: int, parties: int) -> None:
        self.rows = np.zeros((rows, len(Count)), np.int64)
        """Of this window."""
        self.first_ns = np.zeros(rows, np.int64)
        self.last_ns = np.zeros(rows, np.int64)
        self.longest_gap_ns = np.zeros(rows, np.int64)
        """Of arrivals in this window, since the last one before it."""
        self.party = np.zeros(rows, np.uint8)
        """Of each row's sender."""
        self._sums = np.zeros((parties, parties, len(Count)), np.int64)
        self._flow_bytes: list[NDArray[np.int64]] = []
        self._departed = 0

    def arrive(self, groups: Groups, time_ns: NDArray[np.int64], **counts: NDArray[Any]) -> None:
        """Packets, sorted by row and time, and how much each of them counts, by a count's name."""
        rows = groups.rows
        for name, values in counts.items():
            self.rows[rows, Count[name]] += groups.sums(values)
        self.rows[rows, Count.PACKETS] += groups.ends - groups.starts + 1
        previous = self.last_ns[rows]
        gaps = time_ns - groups.before(
            time_ns, np.where(previous > 0, previous, time_ns[groups.starts])
        )
        longest = np.maximum.reduceat(gaps, groups.starts)
        self.longest_gap_ns[rows] = np.maximum(self.longest_gap_ns[rows], longest)
        fresh = self.first_ns[rows] == 0
        self.first_ns[rows[fresh]] = time_ns[groups.starts[fresh]]
        self.last_ns[rows] = time_ns[groups.ends]

    def count(self, which: Count, rows: NDArray[np.int64], values: Any = 1) -> None:
        """Some more for rows, of which one may come several times."""
        if len(rows):
            np.add.at(self.rows[:, which], rows, values)

    def forget(self, rows: NDArray[np.int64]) -> None:
        """Both rows of flows whose places will be others'."""
        self._harvest(rows)
        self.first_ns[rows] = self.last_ns[rows] = self.longest_gap_ns[rows] = 0
        self.party[rows] = 0

    def close(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The window's sums, shape (parties, parties, counts), from and to; and flows with their
        bytes, shape (n, 3): the two parties and the bytes. A new window begins."""
        self._harvest(np.flatnonzero(self.rows[:, Count.PACKETS] > 0))
        sums, self._sums = self._sums, np.zeros_like(self._sums)
        nothing = np.zeros((0, 3), np.int64)
        flows = np.concatenate([nothing, *self._flow_bytes])
        self._flow_bytes = []
        self._departed = 0
        self.first_ns[:] = self.longest_gap_ns[:] = 0
        return sums, flows

    def _harvest(self, rows: NDArray[np.int64]) -> None:
        sender, target = self.party[rows], self.party[rows ^ 1]
        np.add.at(self._sums, (sender, target), self.rows[rows])
        flows = np.unique(rows >> 1)
        some_bytes = self.rows[2 * flows, Count.BYTES] + self.rows[2 * flows + 1, Count.BYTES]
        some = (some_bytes > 0) & (self._departed + np.arange(len(flows)) < MAX_SAMPLES)
        one, other = self.party[2 * flows[some]], self.party[2 * flows[some] + 1]
        self._flow_bytes.append(np.stack([one, other, some_bytes[some]], axis=1))
        self._departed += int(some.sum())
        self.rows[rows] = 0


class Samples:
    """Columns of what was measured in a window, no more than MAX_SAMPLES."""

    def __init__(self, columns: int) -> None:
        self._nothing = np.zeros((0, columns), np.int64)
        self._parts: list[NDArray[np.int64]] = []
        self._count = 0
        self.dropped = 0
        """Since the beginning."""

    def add(self, *columns: NDArray[Any]) -> None:
        values = np.stack([column.astype(np.int64) for column in columns], axis=1)
        room = MAX_SAMPLES - self._count
        self.dropped += max(0, len(values) - room)
        self._parts.append(values[:room])
        self._count += len(self._parts[-1])

    def take(self) -> NDArray[np.int64]:
        """Shape (n, columns); none are left."""
        taken = np.concatenate([self._nothing, *self._parts])
        self._parts, self._count = [], 0
        return taken
