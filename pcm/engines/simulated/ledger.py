"""The books of a simulation: which items are done, and what the workers' time went into."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from numpy.typing import NDArray

from pcm.engines.simulated.clock import Clock


class Ledger:
    """Integrates over time how many workers do what; ``idle`` is divided by whether anything
    waited meanwhile that nobody worked on."""

    def __init__(self, clock: Clock, items: dict[str, int]) -> None:
        self._clock = clock
        self.done = {run: np.zeros(number, bool) for run, number in items.items()}
        self._left = dict(items)
        self.left = sum(items.values())
        """Items without a result."""
        self.untouched = 0
        """Items of open runs that nobody works on, finished ones not counted."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        """By use: busy, loading, idle (with work waiting), no_work."""
        self.useful_seconds = 0.0
        self.ended_at: dict[str, float] = {}
        """When each run had its last result."""
        self.counts: Counter[str] = Counter()
        """Loads, batches, evictions, duplicates and other things that are counted."""
        self._states: Counter[str] = Counter()
        self._since = 0.0

    def change(self, before: str | None, after: str | None) -> None:
        """A worker does something else from now on; None: it is not there."""
        if before == after:
            return
        self.settle()
        if before is not None:
            self._states[before] -= 1
        if after is not None:
            self._states[after] += 1

    def touch(self, items: int) -> None:
        """So many more items are worked on (negative: fewer, though they are not done)."""
        self.settle()
        self.untouched -= items

    def settle(self) -> None:
        """Book the time until now."""
        seconds, self._since = self._clock.now - self._since, self._clock.now
        if seconds > 0.0:
            for state, workers in self._states.items():
                use = "no_work" if state == "idle" and self.untouched <= 0 else state
                self.seconds[use] += workers * seconds

    def finish(self, run: str, items: NDArray[np.int64]) -> int:
        """These have results now. Returns for how many it is the first."""
        done = self.done[run]
        new = len(items) - int(done[items].sum())
        done[items] = True
        self.left -= new
        self._left[run] -= new
        if not self._left[run]:
            self.ended_at.setdefault(run, self._clock.now)
        self.counts["duplicates"] += len(items) - new
        return new
