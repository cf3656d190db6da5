"""Stretches of lanes no finer than can be seen: the level of detail of a timeline.

What is wider than a column stays as it was. Of what is narrower, neighbours that begin in the same
column become one span with the use that takes most of it, and spans with the same use become one.
No time is lost or counted twice, but for breaks between wide pieces that nobody could see. All
lanes go through each step together, since most of them have few pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcm.chronicle.lane import Lane, Pieces
from pcm.chronicle.pieces import IDLE, NO_WORK, USES
from pcm.chronicle.waits import Waits

SHORTEST_SECONDS = 1e-9
UNSEEN = 1 / 8
"""Of a column: a break shorter than that between two wide pieces is left out."""
MANY = -1

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Window(NamedTuple):
    """Spans one after another, arrays of one shape: unix seconds; place in ``USES``; place in
    ``Chronicle.contexts`` and row of the batch, -1 where it is none or many; the share of the span
    that the use takes."""

    start: Floats
    stop: Floats
    use: Ints
    context: Ints
    row: Ints
    share: Floats


class View(NamedTuple):
    """What is looked at: unix seconds, and into how many columns they are divided. ``at``: the
    moment of which everything is told."""

    start: float
    stop: float
    columns: int
    at: float

    @property
    def width(self) -> float:
        """Seconds of a column."""
        return (self.stop - self.start) / max(1, self.columns)

    def bounds(self, lane: Lane) -> tuple[float, float]:
        """From when to when the lane is seen; not at all if the first is not before the other."""
        left = self.at if lane.left_at is None else min(self.at, lane.left_at)
        return max(self.start, lane.joined_at), min(self.stop, left)


def windows(
    lanes: Sequence[Lane], contexts: dict[str, int], waits: Waits, view: View
) -> list[Window]:
    """One for each lane."""
    seen = [(lane, *view.bounds(lane)) for lane in lanes]
    shown = [one for one in seen if one[1] < one[2]]
    if not shown:
        return [_NOTHING for _ in lanes]
    spans, lane = _spans(_segments(shown, contexts, waits, view), view)
    edges = np.searchsorted(lane, np.arange(len(shown) + 1))
    found = pairwise(edges)
    result = []
    for one in seen:
        if one[1] < one[2]:
            low, high = next(found)
            result.append(Window._make(column[low:high] for column in spans))
        else:
            result.append(_NOTHING)
    return result


_INTS: Ints = np.empty(0, np.int64)
_NOTHING = Window(np.empty(0), np.empty(0), _INTS, _INTS, _INTS, np.empty(0))


class _Segments(NamedTuple):
    """All that lanes did or did not, without gaps within each, lane by lane."""

    lane: Ints
    start: Floats
    stop: Floats
    use: Ints
    context: Ints
    row: Ints


def _segments(
    shown: Sequence[tuple[Lane, float, float]],
    contexts: dict[str, int],
    waits: Waits,
    view: View,
) -> _Segments:
    parts = [lane.within(first, last, view.at, contexts) for lane, first, last in shown]
    counts = np.array([len(part.start) + 1 for part in parts])
    pieces = _joined(parts, [last for _, _, last in shown])
    lane = np.repeat(np.arange(len(shown)), counts)
    first_of_lane = np.cumsum(counts) - counts
    begins = np.empty(len(lane))
    begins[1:] = pieces.stop[:-1]
    begins[first_of_lane] = [first for _, first, _ in shown]
    ends = pieces.start
    waited = waits.until_each(ends) - waits.until_each(begins)
    nothing = np.where(2.0 * waited >= ends - begins, IDLE, NO_WORK)
    wide = pieces.stop - pieces.start >= view.width
    between = np.zeros(len(lane), bool)
    between[1:] = wide[1:] & wide[:-1] & (lane[1:] == lane[:-1])
    start, stop = _woven(begins, pieces.start), _woven(ends, pieces.stop)
    kept = stop - start > SHORTEST_SECONDS
    kept[0::2] &= ends - begins > view.width * UNSEEN * between
    none = np.full(len(lane), MANY)
    segments = _Segments(
        lane=np.repeat(lane, 2)[kept],
        start=start[kept],
        stop=stop[kept],
        use=_woven(nothing, pieces.use)[kept],
        context=_woven(none, pieces.context)[kept],
        row=_woven(none, pieces.row)[kept],
    )
    # Each ends where the next begins: what was left out goes to the one before.
    same = segments.lane[1:] == segments.lane[:-1]
    segments.stop[:-1][same] = segments.start[1:][same]
    return segments


def _joined(parts: Sequence[Pieces], lasts: Sequence[float]) -> Pieces:
    """The pieces of all lanes; behind those of each another one of no length, so that each piece
    has one break, before it."""
    both: list[Sequence[NDArray[Any]]] = []
    for part, last in zip(parts, lasts, strict=True):
        both += [part, [np.array([value]) for value in (last, last, NO_WORK, MANY, MANY)]]
    return Pieces._make(np.concatenate(columns) for columns in zip(*both, strict=True))


def _woven(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """One of each in turn."""
    woven = np.empty(2 * len(first), np.result_type(first, second))
    woven[0::2], woven[1::2] = first, second
    return woven


def _spans(segments: _Segments, view: View) -> tuple[Window, Ints]:
    """The spans of all lanes, and the lane of each."""
    seconds = segments.stop - segments.start
    narrow = seconds < view.width
    column = np.floor((segments.start - view.start) / view.width)
    chunk = _numbered(
        _neighbours(narrow, segments.lane) & (column[1:] == column[:-1]), len(seconds)
    )
    firsts = np.flatnonzero(np.diff(chunk, prepend=-1))
    spent = _spent(chunk, segments.use, seconds)
    use = spent.argmax(axis=1)
    context = _one_of_each(segments.context, firsts, use)
    row = np.where(np.diff(firsts, append=len(seconds)) == 1, segments.row[firsts], MANY)
    lane, start = segments.lane[firsts], segments.start[firsts]
    stop = segments.stop[np.append(firsts[1:], len(seconds)) - 1]
    alike = _neighbours(narrow[firsts], lane) & (use[1:] == use[:-1])
    span = _numbered(alike & (context[1:] == context[:-1]), len(use))
    spans = np.flatnonzero(np.diff(span, prepend=-1))
    lasts = np.append(spans[1:], len(use)) - 1
    taken = np.bincount(span, weights=spent[np.arange(len(use)), use])
    start, stop = start[spans], stop[lasts]
    found = Window(
        start=start,
        stop=stop,
        use=use[spans],
        context=context[spans],
        row=np.where(lasts == spans, row[spans], MANY),
        share=np.minimum(taken / np.maximum(stop - start, SHORTEST_SECONDS), 1.0),
    )
    return found, lane[spans]


def _neighbours(which: Bools, lane: Ints) -> Bools:
    """Of each but the first: whether it and the one before are such, on one lane."""
    both: Bools = which[1:] & which[:-1] & (lane[1:] == lane[:-1])
    return both


def _numbered(goes_on: Bools, count: int) -> Ints:
    """Groups in a row, from 0 on; ``goes_on``: of each but the first, whether it is with the one
    before."""
    numbers = np.zeros(count, np.int64)
    np.cumsum(~goes_on, out=numbers[1:])
    return numbers


def _spent(chunk: Ints, use: Ints, seconds: Floats) -> Floats:
    """Seconds by chunk and use, shape (chunks, uses)."""
    uses = len(USES)
    size = (int(chunk[-1]) + 1) * uses
    spent: Floats = np.bincount(chunk * uses + use, seconds, size).astype(float)
    return spent.reshape(-1, uses)


def _one_of_each(context: Ints, firsts: Ints, use: Ints) -> Ints:
    """Of each chunk, its context where it has but one."""
    most = np.maximum.reduceat(context, firsts)
    least = np.minimum.reduceat(np.where(context >= 0, context, np.iinfo(np.int64).max), firsts)
    found: Ints = np.where((most == least) & (use < IDLE), most, MANY)
    return found
