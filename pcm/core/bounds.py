"""The time before which no scheduler could have finished, even one that knew the future.

The clairvoyant fluid bound. Workers are there in intervals; in each, a context must be loaded once
before it yields anything; work can be cut at will and costs nothing to move. Nothing that happens
on real workers, where items are whole and the future unknown, is faster. With availability
intervals ``[a, b)``, load times ``L`` and speeds ``s``, the bound is the least ``T`` with

    sum of s * max(0, min(b, T) - a - L) >= work

which is piecewise linear in ``T``: a sweep over its corners solves it exactly. Two things make it
tighter: intervals too short for a load and the smallest item count for nothing, and the dearest
item must fit somewhere whole.

With several contexts, a worker's time is shared among them. For any prices on the contexts' work,
pricing every worker's time at the best it can earn gives a bound by the same sweep; the best
prices (linear programming duality: Dantzig, *Linear Programming and Extensions*, 1963) give the
bound of the whole. Any prices give a valid one, so an inexact search for them errs to the safe
side.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROUNDS = 60
"""Of the search for prices: each halves the step of a coordinate that no longer helps."""


class Interval(NamedTuple):
    """A worker is there from ``start_seconds`` to ``end_seconds`` (``inf``: it stays).

    ``speed`` is in units of work per second, ``load_seconds`` what passes before the first.
    """

    start_seconds: float
    end_seconds: float
    speed: float
    load_seconds: float = 0.0


class Share(NamedTuple):
    """The same where there are several contexts: what each would do there, by its name. A context
    that cannot be loaded there is left out."""

    start_seconds: float
    end_seconds: float
    speeds: Mapping[str, float]
    load_seconds: Mapping[str, float]


def fluid_bound(
    intervals: Sequence[Interval],
    work: float,
    *,
    dearest: float = 0.0,
    cheapest: float = 0.0,
) -> float:
    """Seconds, on the clock of the intervals, before which ``work`` cannot be done.

    ``dearest`` and ``cheapest`` are the costs of such items, in units of work. ``inf``: never.
    """
    if work <= 0.0:
        return 0.0
    table = np.array(intervals, float).reshape(-1, 4)
    starts, ends, speeds, loads = table[:, 0], table[:, 1], table[:, 2], table[:, 3]
    begins = starts + loads
    with np.errstate(divide="ignore"):
        usable = (speeds > 0.0) & (ends > begins) & (ends >= begins + cheapest / speeds)
        whole = begins + dearest / speeds
    fits = usable & (whole <= ends)
    if not fits.any():
        return math.inf
    swept = _sweep(begins[usable], ends[usable], speeds[usable], work)
    return max(swept, float(whole[fits].min()))


def fluid_bound_of_contexts(
    shares: Sequence[Share],
    works: Mapping[str, float],
    *,
    dearest: Mapping[str, float] | None = None,
) -> float:
    """The same for several contexts, with so much work for each. ``inf``: never."""
    names = [name for name, work in works.items() if work > 0.0]
    dearest = dearest or {}
    alone = 0.0
    for name in names:
        one = [
            Interval(s.start_seconds, s.end_seconds, s.speeds[name], s.load_seconds[name])
            for s in shares
            if name in s.speeds
        ]
        alone = max(alone, fluid_bound(one, works[name], dearest=dearest.get(name, 0.0)))
    if len(names) < 2 or math.isinf(alone):
        return alone
    return max(alone, _together(shares, names, works))


def _together(shares: Sequence[Share], names: list[str], works: Mapping[str, float]) -> float:
    usable = [share for share in shares if share.speeds.keys() & set(names)]
    begins = np.array(
        [s.start_seconds + min(s.load_seconds[n] for n in names if n in s.speeds) for s in usable]
    )
    ends = np.array([share.end_seconds for share in usable])
    speeds = np.array([[share.speeds.get(name, 0.0) for name in names] for share in usable])
    work = np.array([works[name] for name in names])
    there = ends > begins
    begins, ends, speeds = begins[there], ends[there], speeds[there]

    def bound(log_prices: NDArray[np.float64]) -> float:
        prices = np.exp(log_prices)
        return _sweep(begins, ends, (speeds * prices).max(axis=1), float(prices @ work))

    # Coordinate search: the bound is quasi-concave in the prices, of which only ratios count.
    with np.errstate(divide="ignore"):
        prices = -np.log(speeds.mean(axis=0))
    best, steps = bound(prices), np.ones(len(names))
    for _ in range(ROUNDS):
        for index in range(len(names)):
            tried = [prices.copy(), prices.copy()]
            tried[0][index] += steps[index]
            tried[1][index] -= steps[index]
            value, better = max(((bound(p), p) for p in tried), key=lambda found: found[0])
            if value > best:
                best, prices = value, better
            else:
                steps[index] /= 2.0
    return best


def _sweep(
    begins: NDArray[np.float64],
    ends: NDArray[np.float64],
    speeds: NDArray[np.float64],
    work: float,
) -> float:
    """The least T at which intervals of computing have done the work."""
    corners = np.concatenate([begins, ends[np.isfinite(ends)]])
    changes = np.concatenate([speeds, -speeds[np.isfinite(ends)]])
    order = np.argsort(corners, kind="stable")
    corners, slopes = corners[order], np.cumsum(changes[order])
    done = np.concatenate([[0.0], np.cumsum(slopes[:-1] * np.diff(corners))])
    at = int(np.searchsorted(done, work * (1.0 - 1e-12)))
    if at == 0:
        return float(corners[0]) if len(corners) else math.inf
    slope = slopes[at - 1]
    if slope <= work * 1e-15:
        return math.inf
    return float(corners[at - 1] + (work - done[at - 1]) / slope)
