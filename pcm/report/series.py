"""A run over time: everything in the same intervals, for plots and for JSON."""

from __future__ import annotations

from collections import defaultdict

import msgspec
import numpy as np
from numpy.typing import NDArray

from pcm.report.history import History
from pcm.report.lanes import USES, within

Array = NDArray[np.float64]

INTERVALS = 240
KEPT_LOADS = 200


class Series(msgspec.Struct, frozen=True):
    """Intervals of equal length that follow one another; all lists have one entry for each.

    Time runs only while a manager worked on the run: what lies between sittings is left out.
    ``elapsed_seconds`` and ``at`` (unix seconds) are of an interval's end. ``finished`` items have
    their final outcome by then; ``items_per_second``, ``workers``, ``gpus`` and the five uses are
    means over the interval, the uses in workers: they add up to ``workers``. Batches that were sent
    in the interval: their items, of which a tenth of the batches have fewer, half, and nine tenths;
    None where none was sent.
    """

    interval_seconds: float
    elapsed_seconds: list[float]
    at: list[float]
    finished: list[int]
    items_per_second: list[float]
    workers: list[float]
    gpus: list[float]
    useful: list[float]
    loading: list[float]
    lost: list[float]
    idle: list[float]
    no_work: list[float]
    batch_items_tenth: list[float | None]
    batch_items_median: list[float | None]
    batch_items_nine_tenths: list[float | None]


class LoadTimes(msgspec.Struct, frozen=True):
    """Loads of one context on workers of one kind, in seconds from the order to warm. ``seconds``:
    all of them in order, or so many that stand for them evenly where they are too many."""

    context: str
    name: str
    kind: str
    count: int
    least: float
    quartiles: tuple[float, float, float]
    most: float
    seconds: list[float]


def series_of(history: History, intervals: int = INTERVALS) -> Series:
    whole = history.seconds
    edges = np.linspace(0.0, whole, intervals + 1)
    width = whole / intervals
    ends = edges[1:]
    decided_at, decided = history.decisions()
    steps = np.histogram(decided_at, edges, weights=decided)[0] if whole else np.zeros(intervals)
    workers, gpus, by_use = _crew(history, edges)
    tenth, median, nine_tenths = _batch_sizes(history, edges)

    def per(seconds: Array) -> list[float]:
        means: list[float] = np.round(seconds / (width or 1.0), 4).tolist()
        return means

    return Series(
        interval_seconds=width,
        elapsed_seconds=np.round(ends, 3).tolist(),
        at=np.round(_moments(history, ends), 3).tolist(),
        finished=np.cumsum(steps).astype(np.int64).tolist(),
        items_per_second=per(steps),
        workers=per(workers),
        gpus=per(gpus),
        **{use: per(by_use[number]) for number, use in enumerate(USES)},
        batch_items_tenth=tenth,
        batch_items_median=median,
        batch_items_nine_tenths=nine_tenths,
    )


def _crew(history: History, edges: Array) -> tuple[Array, Array, Array]:
    """Worker seconds, GPU seconds and worker seconds by use, in each interval."""
    lanes = history.lanes
    if not lanes:
        none = np.zeros(len(edges) - 1)
        return none, none, np.zeros((len(USES), len(edges) - 1))
    starts = history.elapsed(np.concatenate([lane.starts for lane in lanes]))
    stops = history.elapsed(np.concatenate([lane.stops for lane in lanes]))
    uses = np.concatenate([lane.uses for lane in lanes])
    by_use = np.stack(
        [within(starts[uses == n], stops[uses == n], edges) for n in range(len(USES))]
    )
    gpus = np.zeros(len(edges) - 1)
    for count in {lane.gpus for lane in lanes} - {0}:
        some = [lane for lane in lanes if lane.gpus == count]
        joined = history.elapsed(np.array([lane.joined_at for lane in some]))
        left = history.elapsed(np.array([lane.left_at for lane in some]))
        gpus += count * within(joined, left, edges)
    return by_use.sum(axis=0), gpus, by_use


def _batch_sizes(history: History, edges: Array) -> list[list[float | None]]:
    sent_at, sizes = history.dispatches()
    ranks: list[list[float | None]] = [[], [], []]
    order = np.argsort(sent_at, kind="stable")
    cuts = np.searchsorted(sent_at[order], edges[1:-1])
    for group in np.split(sizes[order], cuts):
        found = np.quantile(group, [0.1, 0.5, 0.9]).tolist() if len(group) else [None] * 3
        for rank, value in zip(ranks, found, strict=True):
            rank.append(value)
    return ranks


def _moments(history: History, elapsed: Array) -> Array:
    """Unix seconds of elapsed ones."""
    if not history.sittings:
        return elapsed
    spans = np.array(history.sittings)
    number = np.clip(np.searchsorted(spans[:, 2], elapsed, side="left") - 1, 0, None)
    moments: Array = spans[number, 0] + elapsed - spans[number, 2]
    return moments


def load_times_of(history: History) -> list[LoadTimes]:
    """By context and kind, the quickest first."""
    groups: dict[tuple[str, str], list[float]] = defaultdict(list)
    for load in history.loads:
        groups[load.context, load.kind].append(load.seconds)
    found = []
    for (context, kind), seconds in groups.items():
        ordered = np.sort(seconds)
        least, low, middle, high, most = np.quantile(ordered, [0.0, 0.25, 0.5, 0.75, 1.0]).tolist()
        kept = ordered
        if len(ordered) > KEPT_LOADS:
            kept = ordered[np.linspace(0, len(ordered) - 1, KEPT_LOADS).round().astype(int)]
        found.append(
            LoadTimes(
                context=context,
                name=history.context_names.get(context, ""),
                kind=kind,
                count=len(ordered),
                least=least,
                quartiles=(low, middle, high),
                most=most,
                seconds=np.round(kept, 4).tolist(),
            )
        )
    return sorted(found, key=lambda times: (times.context, times.quartiles[1]))
