"""What each worker did at each moment of its stay, as arrays, or no finer than a grid."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcm.report.timeline import Course, sweep

Array = NDArray[np.float64]

DEEDS = (
    "useful",
    "taken",
    "again",
    "loading",
    "cut_load",
    "between",
    "between_no_work",
    "idle",
    "no_work",
    "paused",
)
"""Finer than the uses of ``Split``. taken: lost since the worker was taken away; again: lost since
the results did not count (failed, or came second); cut_load: loading until the worker was taken.
between: neither runs anything nor loads, and has a batch that is on its way there or back; idle and
no_work: has none. Where nothing waited it is between_no_work and no_work; paused: no_work,
since the run rested at its user's wish."""

USES = ("useful", "loading", "lost", "idle", "no_work")
_USE_OF_DEED = np.array([0, 2, 2, 1, 1, 3, 4, 3, 4, 4], np.uint8)
_ORDER = ("useful", "taken", "again", "loading", "cut_load", "between")


@dataclass(frozen=True, slots=True)
class Lane:
    """A worker's stay in one sitting. The pieces cover it without gaps; times are unix seconds.

    ``starts``, ``stops``: float64, shape (pieces,); ``deeds``: uint8, the same shape, places in
    ``DEEDS``. ``batches``: when the worker began with each batch. ``stay``: see ``Course``.
    """

    worker: str
    kind: str
    gpus: int
    joined_at: float
    left_at: float
    left: str
    stay: int | None
    starts: Array
    stops: Array
    deeds: NDArray[np.uint8]
    batches: Array

    @property
    def uses(self) -> NDArray[np.uint8]:
        """Places in ``USES``: the parts that ``Split`` has."""
        return _USE_OF_DEED[self.deeds]

    def seconds(self) -> Array:
        """By deed, shape (10,)."""
        return np.bincount(self.deeds, self.stops - self.starts, len(DEEDS)).astype(np.float64)


def lane_of(course: Course) -> Lane:
    starts, stops, deeds = array("d"), array("d"), array("B")
    for start, stop, label, _ in sweep(course.joined_at, course.left_at, _labelled(course), _ORDER):
        if label and label != "between":
            starts.append(start)
            stops.append(stop)
            deeds.append(DEEDS.index(label))
            continue
        for begin, end, deed in _at_rest(course, start, stop, label or "idle"):
            starts.append(begin)
            stops.append(end)
            deeds.append(DEEDS.index(deed))
    return Lane(
        worker=course.worker,
        kind=course.kind,
        gpus=course.gpus,
        joined_at=course.joined_at,
        left_at=course.left_at,
        left=course.left,
        stay=course.stay,
        starts=np.array(starts),
        stops=np.array(stops),
        deeds=np.array(deeds, np.uint8),
        batches=np.array([s.start for s in course.stretches if s.use == "useful"]),
    )


def _at_rest(
    course: Course, start: float, stop: float, label: str
) -> Iterator[tuple[float, float, str]]:
    """Time in which it neither ran nor loaded, cut by whether anything waited."""
    for begin, end, waits in course.waiting.pieces(start, stop):
        if waits:
            yield begin, end, label
        elif label == "between":
            yield begin, end, "between_no_work"
        else:
            for first, last, rests in course.resting.pieces(begin, end):
                yield first, last, "paused" if rests else "no_work"


def _labelled(course: Course) -> Iterator[tuple[float, float, str, str]]:
    for start, stop, use, context, taken in course.stretches:
        if use == "lost":
            yield start, stop, "taken" if taken else "again", context
        elif use == "loading":
            yield start, stop, "cut_load" if taken else "loading", context
        else:
            yield start, stop, use, context
    for start, stop in course.out:
        yield start, stop, "between", ""


def within(starts: Array, stops: Array, edges: Array) -> Array:
    """Of stretches that may overlap, the seconds in each interval between two edges."""
    return np.diff(_passed(np.sort(starts), edges) - _passed(np.sort(stops), edges))


def _passed(times: Array, edges: Array) -> Array:
    """By edge, the sum over the times before it of how long before."""
    sums = np.concatenate([[0.0], np.cumsum(times)])
    count = np.searchsorted(times, edges)
    passed: Array = count * edges - sums[count]
    return passed


def cells(starts: Array, stops: Array, uses: NDArray[np.uint8], edges: Array) -> NDArray[np.int8]:
    """What most of each interval between two edges was, a place in ``USES``; -1 where the worker
    was away for more than half of it."""
    shares = np.stack(
        [within(starts[uses == n], stops[uses == n], edges) for n in range(len(USES))]
    )
    best: NDArray[np.int8] = shares.argmax(axis=0).astype(np.int8)
    best[shares.sum(axis=0) < np.diff(edges) / 2.0] = -1
    return best


def spans(row: NDArray[np.int8]) -> Iterator[tuple[int, int, int]]:
    """Runs of equal cells: first, one after the last, what; those of -1 are left out."""
    cuts = np.flatnonzero(np.diff(row)) + 1
    for first, stop in zip([0, *cuts.tolist()], [*cuts.tolist(), len(row)], strict=True):
        if row[first] >= 0:
            yield first, stop, int(row[first])
