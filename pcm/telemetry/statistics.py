"""The statistics that all conditions are told by. Each takes the windows of many places at once.

Arrays are ``[windows, places]``, not a number where nothing was read; results are ``[places]``, and
not a number where too little was. Medians and median absolute deviations, because a place that is
ill must not move what it is measured against: half of the numbers may be wrong before they break
(Hampel 1974; Rousseeuw and Croux 1993).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

NORMAL = 1.4826
"""A normal distribution's standard deviation / its median absolute deviation."""
SLACK_SHARE = 0.05
"""Least spread that is believed, as a share of the median: a constant signal has none of its own,
and then the smallest change would be endlessly unlikely."""


def as_floats(values: npt.NDArray[np.floating]) -> Floats:
    return values.astype(np.float32, copy=False)


def middle(values: Floats, at_least: int = 1) -> Floats:
    """The median of each column, of what was read; where fewer than ``at_least`` were, none."""
    ordered = np.sort(values, axis=0)  # not-a-number comes last
    count = len(values) - np.isnan(values).sum(axis=0)
    upper = np.minimum(count // 2, len(values) - 1)
    lower = np.maximum(count - 1, 0) // 2
    pair = np.take_along_axis(ordered, np.stack((lower, upper)), axis=0)
    median = as_floats((pair[0] + pair[1]) / 2)
    median[count < max(at_least, 1)] = np.nan
    return median


def mean(values: Floats, at_least: int = 1) -> Floats:
    """Of what was read in each column; where fewer than ``at_least`` were, none."""
    count = len(values) - np.isnan(values).sum(axis=0)
    result = as_floats(np.nansum(values, axis=0) / np.maximum(count, 1))
    result[count < max(at_least, 1)] = np.nan
    return result


def deviation(values: Floats, median: Floats, at_least: int = 1) -> Floats:
    """The median absolute deviation, scaled to a standard deviation (Hampel 1974)."""
    return np.float32(NORMAL) * middle(np.abs(values - median), at_least)


def robust_z(level: Floats, median: Floats, spread: Floats, least: float) -> Floats:
    """How many spreads the level lies above the median (Iglewicz and Hoaglin 1993).

    ``least``: the smallest spread that is believed, in the signal's own unit.
    """
    floor = np.maximum(np.abs(median) * np.float32(SLACK_SHARE), np.float32(least))
    return as_floats((level - median) / np.maximum(spread, floor))


def slope(values: Floats) -> Floats:
    """The median of the slopes between all pairs of windows, per window (Theil 1950, Sen 1968)."""
    windows = len(values)
    first, last = np.triu_indices(windows, 1)
    steps = (last - first).astype(np.float32)[:, None]
    return middle((values[last] - values[first]) / steps, at_least=windows)


def by_group(level: Floats, group: Integers, at_least: int) -> tuple[Floats, Floats, Integers]:
    """The median and the deviation of each place's group, and how many of the group were read.

    ``group``: a number per place; groups in which fewer than ``at_least`` were read have none.
    """
    median = np.full_like(level, np.nan)
    spread = np.full_like(level, np.nan)
    number = np.zeros(len(level), np.int64)
    read = np.flatnonzero(~np.isnan(level))
    order = read[np.lexsort((level[read], group[read]))]
    if not len(order):
        return median, spread, number
    starts, count = _runs(group[order])
    centre = _middles(level[order], starts, count)
    of = np.repeat(np.arange(len(starts)), count)
    apart = np.abs(level[order] - centre[of])
    rank = np.lexsort((apart, of))
    around = np.float32(NORMAL) * _middles(apart[rank], starts, count)
    enough = count >= at_least
    kept = order[enough[of]]
    median[kept] = centre[of][enough[of]]
    spread[kept] = around[of][enough[of]]
    number[order] = count[of]
    return median, spread, number


def _runs(ordered: Integers) -> tuple[Integers, Integers]:
    """Where each number begins among ordered ones, and how many of it there are."""
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return starts, np.diff(np.r_[starts, len(ordered)])


def _middles(ordered: Floats, starts: Integers, count: Integers) -> Floats:
    low, high = starts + (count - 1) // 2, starts + count // 2
    return as_floats((ordered[low] + ordered[high]) / 2)
