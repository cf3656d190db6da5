"""When a run will be done, and within which bounds: from its own past.

While much is left, the time is what is left over the rate of late. How far the rate to come may be
from that is asked of the past: at moments before, the rate of then is compared with what came
after it, over a time as long as the one ahead, or as long as there was. Where the past is shorter
than the time ahead, the error is held to grow as that of a walk.

Near the end nothing waits, and the rate says little: what counts is when the last batch will be
done. Batches that ended tell how long they take, against their prediction; for those that run, the
chance that all are over by a time is the product over them, given how long each has run.
"""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from pcm.chronicle.batches import DONE
from pcm.chronicle.columns import read
from pcm.chronicle.figures import Eta
from pcm.chronicle.fold import Fold

LEAST_BATCHES = 3
"""Ended ones, before anything is said."""
WINDOW_SHARE = 0.25
"""The rate of late is that of the last quarter of the sitting,"""
WINDOW_BATCHES = 6.0
"""but at least of so many median batches' time."""
PAST_MOMENTS = 24
NINE_OF_TEN = 1.645
NOISE = 0.4
"""The rate of n batches is off by about this over the root of n."""
PAST = 0.9
GROWTH = 0.25
MODEL_ERROR = 0.03
DONE_SHARE = 0.4
"""Of a median batch's time is done already of what counts as left, in the batches that run, beyond
what is lost at the end, when workers run out of work."""
END_SHARE = 0.1
"""Of a median batch's time may be more or less at the end. These five were set by simulated runs:
``tests/chronicle/eta_coverage.py`` says how often they hold."""
RECENT_BATCHES = 400
GRID = 100

Floats = NDArray[np.float64]


def eta(fold: Fold, began: float, at: float) -> Eta | None:
    """``began``: the sitting. None where nothing is known yet; 0 where nothing is left."""
    finished, held, _, left = fold.progress.steps.at(at)
    items, *_ = fold.progress.rare.at(at)
    if not items:
        return None
    if finished >= items:
        return Eta(0.0, 0.0, 0.0)
    ended = _Ended(fold, began, at)
    if ended.count < LEAST_BATCHES or left <= 0.0:
        return None
    tail = _tail(fold, ended, at)
    waiting = items - finished - held
    if waiting <= 0 and tail is not None:
        return tail
    bulk = _bulk(fold, ended, began, at, left)
    if bulk is None or tail is None:
        return bulk
    # What runs now ends as it ends, whatever the rate.
    return Eta(
        max(bulk.seconds, tail.soonest_seconds),
        max(bulk.soonest_seconds, tail.soonest_seconds),
        max(bulk.latest_seconds, tail.seconds),
    )


class _Ended:
    """The last batches that came to their end in the sitting."""

    def __init__(self, fold: Fold, began: float, at: float) -> None:
        batches = fold.batches
        self.count = len(batches.ended(at, len(batches), began))
        last = batches.some(batches.ended(at, RECENT_BATCHES, began), at)
        done = last.end == DONE
        took = (last.ended_at - last.dispatched_at)[done]
        predicted = last.predicted[done].astype(float)
        self.seconds = float(np.median(took)) if len(took) else 0.0
        self.ratios: Floats = np.sort(took / np.where(predicted > 0.0, predicted, np.nan))
        self.ratios = self.ratios[np.isfinite(self.ratios)]
        out = batches.some(batches.out(at), at)
        self.running = (at - out.dispatched_at, out.predicted.astype(float))


def _tail(fold: Fold, ended: _Ended, at: float) -> Eta | None:
    """When the batches that are out will all be over."""
    elapsed, predicted = ended.running
    predicted = np.where(predicted > 0.0, predicted, ended.seconds)
    if not len(elapsed):
        return None
    ratios = ended.ratios if len(ended.ratios) else np.array([0.5, 1.0, 2.0])
    # Smoothed, with some room at the ends: what is longer than all so far can come.
    spread = np.concatenate([[ratios[0] * 0.8], ratios, ratios[-1] * np.array([1.15, 1.5])])
    share = np.linspace(0.0, 1.0, len(spread))
    longest = float((predicted * spread[-1] - elapsed).max())
    longest = max(longest, 0.5 * ended.seconds, 0.1)
    times = np.linspace(0.0, longest, GRID)
    over = np.interp((elapsed[:, None] + times) / predicted[:, None], spread, share)
    before = np.interp(elapsed / predicted, spread, share)[:, None]
    # Of one that has run longer than all others, the rest is held to be as long again at most.
    late = before[:, 0] > 0.995
    chance = (over - before) / np.maximum(1.0 - before, 1e-9)
    chance[late] = np.clip(times / np.maximum(longest, 1e-9), 0.0, 1.0)
    all_over = chance.prod(axis=0)
    soonest, middle, latest = np.interp([0.05, 0.5, 0.95], all_over, times)
    return Eta(float(middle), float(soonest), float(latest))


def _bulk(fold: Fold, ended: _Ended, began: float, at: float, left: float) -> Eta | None:
    times = read(fold.progress.steps.times)
    past = _Past(fold, times, began, at)
    window = min(max(WINDOW_SHARE * past.seconds, WINDOW_BATCHES * ended.seconds), past.seconds)
    rate = past.rate(at, window)
    if rate <= 0.0:
        rate = past.rate(at, past.seconds)
    if rate <= 0.0:
        return None
    seconds = left / rate
    batches = max(1.0, ended.count * window / past.seconds)
    parts = (PAST * past.error(window, seconds), NOISE / sqrt(batches), MODEL_ERROR)
    error = sqrt(sum(part**2 for part in parts))
    seconds = max(seconds - DONE_SHARE * ended.seconds, 0.1 * seconds)
    factor = exp(min(NINE_OF_TEN * error, log(20.0)))
    more = END_SHARE * ended.seconds
    return Eta(seconds, max(0.0, seconds / factor - more), seconds * factor + more)


class _Past:
    """How the work of a sitting went on, as a line over time since its first result."""

    def __init__(self, fold: Fold, times: Floats, began: float, at: float) -> None:
        first, last = np.searchsorted(times, [began, at], side="right")
        first = max(0, int(first) - 1)
        stride = max(1, (int(last) - first) // 4096)
        rows = np.arange(first, int(last), stride)
        done = fold.progress.steps.picked(rows)[2]
        self._times, self._done = times[rows], done
        begun = np.flatnonzero(done > done[0]) if len(done) else np.empty(0, int)
        self.since = float(self._times[max(0, int(begun[0]) - 1)]) if len(begun) else at
        self.at = at
        self.seconds = max(at - self.since, 1e-3)

    def rate(self, at: float, window: float) -> float:
        done = np.interp([at - window, at], self._times, self._done)
        return float(done[1] - done[0]) / max(window, 1e-9)

    def error(self, window: float, ahead: float) -> float:
        """Of the logarithm of a rate, for so long a time ahead."""
        horizon = min(ahead, self.seconds / 3.0)
        first = self.since + 0.15 * self.seconds
        moments = np.linspace(first, self.at - horizon, PAST_MOMENTS)
        if horizon <= 0.0 or moments[-1] <= first:
            return 0.5
        spans = np.minimum(window, np.maximum(moments - self.since, 1e-9))
        before, then, after = (
            np.interp(one, self._times, self._done)
            for one in (moments - spans, moments, moments + horizon)
        )
        known, came = (then - before) / spans, (after - then) / horizon
        good = (known > 0.0) & (came > 0.0)
        if not good.any():
            return 0.5
        errors = np.log(came[good] / known[good])
        grown = max(1.0, ahead / horizon)
        return float(np.sqrt(np.mean(errors**2)) * grown**GROWTH)
