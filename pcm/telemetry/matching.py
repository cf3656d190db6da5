"""One clock from the events that two sides see: a request's first byte, a result's last.

Neither side's events are numbered, some are seen by one side only, and nobody knows the offset. All
pairs vote for the offset that they would mean, for each drift that a clock may have (Hough 1962);
where most votes meet, each event has its partner, and a line through the pairs, by the median of
slopes (Theil 1950, Sen 1968), gives offset and drift. Events in a regular rhythm could be matched
in several ways, and then they are not.

What one side sees later than the other, every time, is taken for offset: the two places of seeing
should lie close together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pcm.telemetry.clocks import MAX_DRIFT

Times = npt.NDArray[np.float64]

MAX_EVENTS, LONGEST_SECONDS = 2000, 1200.0
"""Of either side; the last are taken."""
MAX_VOTES = 10_000_000
"""Pairs times drifts: fewer of their events vote where these would be more."""
LEAST_VOTERS = 100
MAX_SLOPES = 20_000
LEAST_PAIRS = 8
LEAST_SHARE = 0.5
"""Of the smaller side's events within the time that both cover, that must have a partner."""
MOST_RIVAL_SHARE = 0.75
"""Of the best offset's votes that another offset may have."""
NORMAL = 1.4826


class Matched(NamedTuple):
    """Their clock is ``offset_seconds`` ahead of ours when it shows ``at_seconds``, and fast by
    ``drift`` seconds per second."""

    at_seconds: float
    offset_seconds: float
    drift: float
    pairs: int
    residual_seconds: float
    """Spread of single events about the line: a standard deviation, estimated robustly."""
    error_seconds: float
    """Three standard errors of the line, where it is worst within the time of the events."""

    def to_ours(self, seconds: float) -> float:
        return seconds - self.offset_seconds - self.drift * (seconds - self.at_seconds)


def match(
    theirs: Sequence[float] | Times,
    ours: Sequence[float] | Times,
    *,
    jitter_seconds: float = 1e-3,
    about_seconds: float = 0.0,
    within_seconds: float = 60.0,
) -> Matched | None:
    """What their clock is ahead of ours; None if the events do not tell.

    ``theirs``, ``ours``: times of events, in any order, each by its own side's clock.
    ``jitter_seconds``: by how much the two sides' times of one event differ, mostly.
    ``about_seconds``, ``within_seconds``: where the offset is looked for.
    """
    their, our = (np.sort(np.asarray(times, np.float64))[-MAX_EVENTS:] for times in (theirs, ours))
    if min(len(their), len(our)) < LEAST_PAIRS:
        return None
    # Small numbers are exact to less than a nanosecond; seconds since 1970 are not.
    their_base, our_base = float(their[-1]), float(our[-1])
    their, our = (side[side >= -LONGEST_SECONDS] for side in (their - their_base, our - our_base))
    if min(len(their), len(our)) < LEAST_PAIRS:
        return None
    about = about_seconds - (their_base - our_base)
    voted = _vote(their, our, about, within_seconds, jitter_seconds)
    if voted is None:
        return None
    line = voted
    reach = 2 * jitter_seconds
    for _ in range(3):
        left, right = _partners(their, our, line, reach)
        if len(left) < LEAST_PAIRS:
            return None
        line = _fit(their[left], their[left] - our[right])
        apart = their[left] - our[right] - _offset(line, their[left])
        spread = NORMAL * float(np.median(np.abs(apart)))
        reach = max(1e-9, min(reach, 4 * spread))
    if len(left) < LEAST_SHARE * _fewer(their, our, line):
        return None
    times = their[left]
    centre = float(times.mean())
    lean = max(abs(float(times[0]) - centre), abs(float(times[-1]) - centre))
    lever = lean / max(float(times.std()), 1e-9)
    return Matched(
        at_seconds=their_base + centre,
        offset_seconds=float(_offset(line, np.array([centre]))[0]) + their_base - our_base,
        drift=line[1],
        pairs=len(left),
        residual_seconds=spread,
        # A median's standard error is 1.25 of a mean's.
        error_seconds=3 * 1.25 * spread / len(left) ** 0.5 * (1 + lever**2) ** 0.5,
    )


def _offset(line: tuple[float, float], times: Times) -> Times:
    offset: Times = line[0] + line[1] * times
    return offset


def _vote(
    their: Times, our: Times, about: float, within: float, jitter: float
) -> tuple[float, float] | None:
    """Offset where their clock shows 0, and drift, that most pairs agree on."""
    width = 2 * jitter
    span = max(float(-their[0]), width)
    # Neighbouring drifts differ by half a bin at the far end.
    steps = max(1, int(np.ceil(MAX_DRIFT * span / (width / 2))))
    drifts = np.linspace(-MAX_DRIFT, MAX_DRIFT, 2 * steps + 1)
    voters = _voters(their, our, about, within, MAX_VOTES / len(drifts))
    low, high = (np.searchsorted(our, voters - about + side * within) for side in (-1, 1))
    counts = high - low
    if not counts.sum():
        return None
    first = np.repeat(low - np.r_[0, np.cumsum(counts)[:-1]], counts)
    when = np.repeat(voters, counts)
    offsets = when - our[first + np.arange(len(first))]
    best, rival, found = 0, 0, (0.0, 0.0)
    for drift in drifts:
        count, offset, second = _peak(offsets - drift * when, width)
        if count > best:
            best, rival, found = count, second, (offset, float(drift))
    if best < min(LEAST_PAIRS, len(voters)) or rival > MOST_RIVAL_SHARE * best:
        return None
    return found


def _voters(their: Times, our: Times, about: float, within: float, most_votes: float) -> Times:
    """Those whose partner can be among ours, thinned out evenly if they are too many."""
    inside: Times = their[(their - about >= our[0] - within) & (their - about <= our[-1] + within)]
    span = max(float(our[-1] - our[0]), 1e-9)
    pairs_of_each = max(1.0, len(our) * min(1.0, 2 * within / span))
    wanted = max(LEAST_VOTERS, int(most_votes / pairs_of_each))
    if len(inside) > wanted:
        inside = inside[np.linspace(0, len(inside) - 1, wanted).astype(np.int64)]
    return inside


def _peak(offsets: Times, width: float) -> tuple[int, float, int]:
    """The most votes of two neighbouring bins, their middle, and the most of any two elsewhere."""
    bins = np.floor(offsets / width).astype(np.int64)
    bins -= bins.min()
    votes = np.bincount(bins, minlength=int(bins.max()) + 2)
    pairs = votes[:-1] + votes[1:]
    top = int(pairs.argmax())
    count = int(pairs[top])
    middle = (top + 1 + np.floor(offsets.min() / width)) * width
    near = slice(max(0, top - 2), top + 3)
    pairs[near] = 0
    return count, float(middle), int(pairs.max())


def _partners(
    their: Times, our: Times, line: tuple[float, float], reach: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pairs of which each is the other's nearest, and near enough."""
    mapped = their - _offset(line, their)
    to_ours = _nearest(mapped, our)
    to_theirs = _nearest(our, mapped)
    left = np.flatnonzero(to_theirs[to_ours] == np.arange(len(their)))
    right = to_ours[left]
    near = np.abs(mapped[left] - our[right]) <= reach
    return left[near], right[near]


def _nearest(times: Times, among: Times) -> npt.NDArray[np.int64]:
    after = np.clip(np.searchsorted(among, times), 1, len(among) - 1)
    nearer_before = times - among[after - 1] <= among[after] - times
    return (after - nearer_before).astype(np.int64)


def _fit(times: Times, offsets: Times) -> tuple[float, float]:
    """The median of the slopes between the first and the last third, and the median offset."""
    third = max(1, len(times) // 3)
    first, last = np.arange(third), np.arange(len(times) - third, len(times))
    if third * third > MAX_SLOPES:
        few = np.linspace(0, third - 1, int(MAX_SLOPES**0.5)).astype(np.int64)
        first, last = first[few], last[few]
    runs = times[last][:, None] - times[first][None, :]
    rises = offsets[last][:, None] - offsets[first][None, :]
    far = runs > 0
    drift = float(np.median(rises[far] / runs[far])) if far.any() else 0.0
    drift = max(-MAX_DRIFT, min(MAX_DRIFT, drift))
    return float(np.median(offsets - drift * times)), drift


def _fewer(their: Times, our: Times, line: tuple[float, float]) -> int:
    """How many events the side that saw fewer has, of the time that both cover."""
    mapped = their - _offset(line, their)
    begin, end = max(mapped[0], our[0]), min(mapped[-1], our[-1])
    return min(int(((side >= begin) & (side <= end)).sum()) for side in (mapped, our))
