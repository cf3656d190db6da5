"""How evenly something is spread, in time or over its owners."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 20
"""Of a window, for dispersion and peak to mean."""


def dispersion(counts: NDArray[Any]) -> float:
    """Variance / mean of counts in equal bins: 1 for arrivals at random, 0 for even ones. 0 if
    there are none."""
    mean = float(np.mean(counts)) if len(counts) else 0.0
    return float(np.var(counts)) / mean if mean else 0.0


def peak_to_mean(counts: NDArray[Any]) -> float:
    """Of counts, or of bytes, in equal bins. 0 if there are none."""
    mean = float(np.mean(counts)) if len(counts) else 0.0
    return float(np.max(counts)) / mean if mean else 0.0


def binned(times: NDArray[Any], begin: float, seconds: float, bins: int = BINS) -> NDArray[Any]:
    """How many of the times lie in each bin; those outside count to the nearest."""
    places = np.clip((np.asarray(times) - begin) * (bins / seconds), 0, bins - 1)
    return np.bincount(places.astype(np.int64), minlength=bins)


def gini(values: NDArray[Any]) -> float:
    """0 where all are equal; (n - 1) / n where one has all. 0 if there is nothing."""
    ordered = np.sort(np.asarray(values, np.float64))
    total, count = float(ordered.sum()), len(ordered)
    if not total:
        return 0.0
    ranks = np.arange(1, count + 1)
    return float(2.0 * (ranks * ordered).sum() / (count * total) - (count + 1) / count)


def top_share(values: NDArray[Any]) -> float:
    """Of the greatest in the sum. 0 if there is nothing."""
    total = float(np.sum(values)) if len(values) else 0.0
    return float(np.max(values)) / total if total else 0.0


def spread(values: NDArray[Any]) -> float:
    """Interquartile range / median. 0 without a median to divide by."""
    if not len(values):
        return 0.0
    low, middle, high = np.percentile(values, (25, 50, 75))
    return float((high - low) / middle) if middle > 0 else 0.0
