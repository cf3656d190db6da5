"""Collective operations of a group of ranks, from when each of them begins to send.

Ranks that meet in a collective each send as they enter it: the first packet of a rank is when it
came. A collective begins when a rank sends after quiet and all had come to the one before; it waits
for every rank, however long that takes, so a pause while one is late does not end it. Quiet is what
lies between the two kinds of gaps in the group's traffic, those within a collective and those
between: it is learned from the traffic by the split that separates the two best (Otsu's, of the
gaps' logarithms), where they are two kinds. Waits for one that is late are neither.

What it cannot see: ranks that only wait for others to send first, as leaves of a broadcast do, look
late; and of ranks that do nothing between two collectives, the next belongs to the one before.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

QUIET_NS = 1_000_000
"""Until enough was seen to learn it."""
LEAST_QUIET_NS, GREATEST_QUIET_NS = 20_000, 50_000_000
LEARNED_GAPS = 4096
MIN_GAPS = 64
TWO_KINDS = 8.0
"""Times as long are the long gaps as the short ones, where they are of two kinds."""
MAX_KEPT = 10_000


class Meeting(NamedTuple):
    """A collective that is over: when each rank came, in nanoseconds."""

    arrived_ns: tuple[int, ...]

    @property
    def first_ns(self) -> int:
        return min(self.arrived_ns)

    @property
    def spread_ns(self) -> int:
        return max(self.arrived_ns) - self.first_ns

    @property
    def last(self) -> int:
        """The rank that came last, an index."""
        return int(np.argmax(self.arrived_ns))


class Collectives:
    """Of one group of ``ranks``."""

    def __init__(self, ranks: int, quiet_seconds: float | None = None) -> None:
        """With ``quiet_seconds`` quiet is not learned."""
        self.ranks = ranks
        self.dropped = 0
        """Collectives that did not fit in what is kept until they are taken."""
        self._fixed_ns = None if quiet_seconds is None else round(quiet_seconds * 1e9)
        self._quiet_ns = self._fixed_ns or QUIET_NS
        self._gaps = np.zeros(0, np.int64)
        self._arrived = np.zeros(ranks, np.int64)  # 0: it has not come
        self._last_ns = 0
        self.heard_ns = np.zeros(ranks, np.int64)
        """Each rank's last packet; 0 if there was none."""
        self._meetings: list[Meeting] = []

    @property
    def quiet_seconds(self) -> float:
        return self._quiet_ns / 1e9

    def add(self, time_ns: NDArray[np.int64], rank: NDArray[np.int64]) -> None:
        """Packets with payload from one rank of the group to another, in the order of time."""
        if not len(time_ns):
            return
        gaps = np.diff(time_ns, prepend=self._last_ns or time_ns[0])
        bursts = np.flatnonzero(gaps > self._quiet_ns)
        starts = np.unique(np.concatenate([[0], bursts]))
        first = np.full((len(starts), self.ranks), np.iinfo(np.int64).max)
        burst = np.searchsorted(starts, np.arange(len(time_ns)), side="right") - 1
        np.minimum.at(first, (burst, rank), time_ns)
        waits = np.zeros(len(gaps), bool)
        for number, arrivals in enumerate(first.tolist()):
            if gaps[starts[number]] > self._quiet_ns:
                if self._arrived.all():
                    self._close()
                else:
                    waits[starts[number]] = True
            for index, arrival in enumerate(arrivals):
                if arrival != np.iinfo(np.int64).max and not self._arrived[index]:
                    self._arrived[index] = arrival
        np.maximum.at(self.heard_ns, rank, time_ns)
        self._last_ns = int(time_ns[-1])
        self._learn(gaps[~waits])

    def take(self, now_ns: int) -> list[Meeting]:
        """Those that are over, once each."""
        if self._arrived.all() and now_ns - self._last_ns > self._quiet_ns:
            self._close()
        taken, self._meetings = self._meetings, []
        return taken

    def silent_ns(self, now_ns: int) -> NDArray[np.int64]:
        """Of each rank: since its last packet, if others wait for it in a collective; else 0."""
        waited_for = (self._arrived == 0) & bool((self._arrived > 0).any()) & (self.heard_ns > 0)
        return np.where(waited_for, np.maximum(0, now_ns - self.heard_ns), 0)

    def _close(self) -> None:
        if len(self._meetings) < MAX_KEPT:
            self._meetings.append(Meeting(tuple(self._arrived.tolist())))
        else:
            self.dropped += 1
        self._arrived[:] = 0

    def _learn(self, gaps: NDArray[np.int64]) -> None:
        if self._fixed_ns is not None:
            return
        self._gaps = np.concatenate([self._gaps, gaps[gaps > 0]])[-LEARNED_GAPS:]
        if len(self._gaps) >= MIN_GAPS and (between := dividing_gap(self._gaps)) is not None:
            self._quiet_ns = min(max(between, LEAST_QUIET_NS), GREATEST_QUIET_NS)


def dividing_gap(gaps: NDArray[np.int64], bins: int = 64) -> int | None:
    """Between short gaps and long ones: where the variance of logarithms between the two parts is
    greatest (Otsu, IEEE Trans. SMC 9(1), 1979). None if they are of one kind."""
    logs = np.log(np.maximum(gaps, 1))
    counts, edges = np.histogram(logs, bins)
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)[:-1]
    above = len(logs) - below
    sums = np.cumsum(counts * middles)
    parted = (below > 0) & (above > 0)
    if not parted.any():
        return None
    low = sums[:-1] / np.maximum(below, 1)
    high = (sums[-1] - sums[:-1]) / np.maximum(above, 1)
    between = np.where(parted, below * above * (high - low) ** 2, -1.0)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-12))
    if (high - low)[best[0]] < np.log(TWO_KINDS):
        return None
    # All splits in the empty space between the two are equally good: the middle of it.
    return int(np.exp((edges[best[0] + 1] + edges[best[-1] + 1]) / 2))
