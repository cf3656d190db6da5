"""What the supervisor sees of its batches: how they come, wait, and how their results leave.

Arrivals are batches, for that is how items come: the dispersion of single items would be the size
of a batch. Rates and queues count items. What goes on inside a replica (tokens, slots) this does
not see: that is ``decoding.py``.

Results that came together are one event: of their stream, and of those that wait to leave. A result
is made when its replica says so, and has left when the transport says so. One that waits since
before the window counts with what it has waited so far, or a reader that stands still would be
silence.
"""

from __future__ import annotations

import time
from collections import deque
from itertools import islice, takewhile
from typing import ClassVar

from workers.telemetry.base import Reading, Sampler
from workers.telemetry.quantiles import quantile

BINS = 20
MAX_EVENTS = 10_000
"""Arrivals, gaps and delays of one window that are kept; those beyond only count."""
FEWEST_GAPS = 8
"""Below that the spread of gaps says nothing."""


class BatchSignals(Sampler):
    """Told of each batch and its results as they pass; each call appends a number or two."""

    signals: ClassVar[frozenset[str]] = frozenset(
        {
            "requests.per_second",
            "requests.dispersion",
            "requests.longest_gap_seconds",
            "queue.items",
            "queue.done_per_second",
            "egress.delay_seconds",
            "egress.gap_seconds",
            "egress.gap_spread",
        }
    )

    def __init__(self, now_seconds: float | None = None) -> None:
        self._begun = time.monotonic() if now_seconds is None else now_seconds
        self._open: dict[int, int] = {}
        """Items without a result, by batch."""
        self._results_at: dict[int, float] = {}
        self._arrived_at: float | None = None
        self._longest_gap_seconds = 0.0
        self._arrivals: list[float] = []
        self._gaps: list[float] = []
        self._waiting: deque[float] = deque()
        """When results were made that have not left, in the order in which they came."""
        self._delays: list[float] = []
        self._items = 0
        self._done = 0

    def arrived(self, batch: int, items: int, now_seconds: float | None = None) -> None:
        """A batch that is told again (for it was put off) is not another one."""
        if batch in self._open:
            return
        now = time.monotonic() if now_seconds is None else now_seconds
        self._open[batch] = items
        self._items += items
        if self._arrived_at is not None:
            self._longest_gap_seconds = max(self._longest_gap_seconds, now - self._arrived_at)
        self._arrived_at = now
        if len(self._arrivals) < MAX_EVENTS:
            self._arrivals.append(now)

    def results(
        self,
        batch: int,
        count: int,
        now_seconds: float | None = None,
        made_seconds: float = 0.0,
    ) -> None:
        """``made_seconds``: see ItemResults."""
        now = time.monotonic() if now_seconds is None else now_seconds
        self._done += count
        self._waiting.append(made_seconds if 0.0 < made_seconds <= now else now)
        if batch in self._open:
            self._open[batch] -= count
            before = self._results_at.get(batch)
            self._results_at[batch] = now
            if before is not None and len(self._gaps) < MAX_EVENTS:
                self._gaps.append(now - before)

    def left(self, events: int, now_seconds: float | None = None) -> None:
        """So many of those that wait are on their way, the oldest first."""
        now = time.monotonic() if now_seconds is None else now_seconds
        for _ in range(min(events, len(self._waiting))):
            delay = now - self._waiting.popleft()
            if len(self._delays) < MAX_EVENTS:
                self._delays.append(delay)

    def ended(self, batch: int) -> None:
        """It is gone, with whatever it had left."""
        self._open.pop(batch, None)
        self._results_at.pop(batch, None)

    def read(self, now_seconds: float) -> list[Reading]:
        seconds = now_seconds - self._begun
        if seconds <= 0:
            return []
        found: list[Reading] = [
            ("requests.per_second", "", self._items / seconds),
            ("queue.done_per_second", "", self._done / seconds),
            ("queue.items", "", float(sum(self._open.values()))),
        ]
        if self._arrived_at is not None:
            longest = max(self._longest_gap_seconds, now_seconds - self._arrived_at)
            found.append(("requests.longest_gap_seconds", "", longest))
        if self._arrivals:
            value = dispersion(self._arrivals, self._begun, seconds)
            found.append(("requests.dispersion", "", value))
        before = takewhile(lambda made: made < self._begun, self._waiting)
        held = (now_seconds - made for made in islice(before, MAX_EVENTS))
        if delays := sorted((*self._delays, *held)):
            found.append(("egress.delay_seconds", "", quantile(delays, 0.5)))
        if self._gaps:
            gaps = sorted(self._gaps)
            median = quantile(gaps, 0.5)
            found.append(("egress.gap_seconds", "", median))
            if len(gaps) >= FEWEST_GAPS and median > 0:
                spread = quantile(gaps, 0.75) - quantile(gaps, 0.25)
                found.append(("egress.gap_spread", "", spread / median))
        self._begun = now_seconds
        self._arrivals, self._gaps, self._delays = [], [], []
        self._items = self._done = 0
        self._longest_gap_seconds = 0.0
        return found


def dispersion(times: list[float], begin_seconds: float, seconds: float) -> float:
    """Variance over mean of the counts in BINS equal parts of a window; 1 for chance alone."""
    counts = [0] * BINS
    for time_seconds in times:
        part = int((time_seconds - begin_seconds) / seconds * BINS)
        counts[min(BINS - 1, max(0, part))] += 1
    mean = len(times) / BINS
    return sum((count - mean) ** 2 for count in counts) / BINS / mean
