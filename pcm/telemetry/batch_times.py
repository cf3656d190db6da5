"""How a worker's batches compare with those of its class: the measured half of its score.

What a batch took per unit of cost is set against the median of the workers of its kind in the same
run. The ratio is kept with the time at which the batch began, so that one can be told apart from
before: of what was found a moment ago, batches of an hour ago say nothing.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import NamedTuple

REMEMBERED = 16
"""Batches of a worker."""
RATED = 8
"""The newest of them that count for what it is now."""
FELLOWS = 3
"""With fewer of its kind a worker has no class to be slower than."""


class _Batch(NamedTuple):
    began_seconds: float
    ratio: float


class BatchTimes:
    def __init__(self) -> None:
        self._rates: dict[tuple[str, str], dict[str, float]] = {}
        """By run and kind, then by worker: seconds per cost, as a forgetting mean."""
        self._batches: dict[str, deque[_Batch]] = {}

    def observe(
        self, run: str, kind: str, worker: str, seconds: float, cost: float, began_seconds: float
    ) -> None:
        """A batch was done; ``cost`` > 0, ``seconds`` in the task, times since 1970."""
        rates = self._rates.setdefault((run, kind), {})
        rate = max(seconds, 1e-9) / cost
        before = rates.get(worker)
        rates[worker] = rate if before is None else 0.5 * (before + rate)
        if len(rates) < FELLOWS:
            return
        batches = self._batches.setdefault(worker, deque(maxlen=REMEMBERED))
        batches.append(_Batch(began_seconds, rate / median(rates.values())))

    def ratio(self, worker: str) -> tuple[float, int]:
        """How many times longer its newest batches took than its class's, and how many they are."""
        newest = [batch.ratio for batch in self._batches.get(worker, ())][-RATED:]
        return (median(newest), len(newest)) if newest else (1.0, 0)

    def grown_since(self, worker: str, since_seconds: float) -> float:
        """How many times longer than before a time they take since; 1 while that is not known."""
        batches = self._batches.get(worker, ())
        before = [batch.ratio for batch in batches if batch.began_seconds < since_seconds]
        since = [batch.ratio for batch in batches if batch.began_seconds >= since_seconds]
        if not before or not since:
            return 1.0
        return median(since) / max(median(before), 1e-9)

    def forget(self, worker: str) -> None:
        self._batches.pop(worker, None)
        for rates in self._rates.values():
            rates.pop(worker, None)

    def forget_run(self, run: str) -> None:
        for key in [key for key in self._rates if key[0] == run]:
            del self._rates[key]
