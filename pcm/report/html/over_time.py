"""Plots over time, one above the other: a moment is at the same place in each."""

from __future__ import annotations

from collections.abc import Sequence

from pcm.report.html.axes import Scale, canvas, frame, ticks, time_scale
from pcm.report.html.markup import Markup, tag
from pcm.report.html.words import USE_WORDS
from pcm.report.lanes import USES
from pcm.report.series import Series

HEIGHT = 150.0
TOP, BOTTOM = 10.0, 24.0
RATE_INTERVALS = 80
MOST_DOTS = 80


def progress_plot(series: Series, items: int, breaks: list[float]) -> Markup:
    """Items with their final outcome, of all."""
    x, y, steps = _axes(series, max(items, *series.finished[-1:], 1), whole=True)
    points = [(0.0, 0.0), *zip(series.elapsed_seconds, series.finished, strict=True)]
    line = _line([(x(at), y(count)) for at, count in points])
    area = f"{line}V{y.start:.1f}H{x.start:.1f}z"
    return canvas(
        HEIGHT + BOTTOM,
        f"{series.finished[-1]:,} of {items:,} items finished over time",
        frame(x, y, steps, breaks),
        tag("path", d=area, class_="useful soft"),
        tag("path", d=line, class_="line"),
    )


def rate_plot(series: Series, breaks: list[float]) -> Markup:
    """Items per second, averaged over a few intervals each."""
    size = max(1, len(series.items_per_second) // RATE_INTERVALS)
    rates = series.items_per_second
    means = [
        sum(rates[i : i + size]) / len(rates[i : i + size]) for i in range(0, len(rates), size)
    ]
    x, y, steps = _axes(series, max(means))
    edges = [i * size * series.interval_seconds for i in range(len(means))]
    return canvas(
        HEIGHT + BOTTOM,
        f"items per second over time, at most {max(means):,.3g}",
        frame(x, y, steps, breaks),
        tag("path", d=_steps(x, y, [*edges, x.high], [0.0] * len(means), means), class_="useful"),
    )


def crew_plot(series: Series, breaks: list[float]) -> Markup:
    """How many workers did what, stacked; the number of GPUs, where it is another, as a line."""
    most = max(*series.workers, *series.gpus, 0.01)
    x, y, steps = _axes(series, most, whole=True)
    edges = [0.0, *series.elapsed_seconds]
    below = [0.0] * len(series.workers)
    layers = []
    for use in USES:
        counts = getattr(series, use)
        above = [low + count for low, count in zip(below, counts, strict=True)]
        if any(counts):
            path = _steps(x, y, edges, below, above)
            layers.append(tag("path", tag("title", USE_WORDS[use]), d=path, class_=use))
        below = above
    gpus = Markup("")
    if any(series.gpus) and series.gpus != series.workers:
        line = _outline(x, y, edges, series.gpus)
        gpus = tag("path", tag("title", "GPUs"), d=line, class_="line thin")
    return canvas(
        HEIGHT + BOTTOM,
        f"workers by what they did over time, at most {max(series.workers):,.4g} workers",
        frame(x, y, steps, breaks),
        *layers,
        gpus,
    )


def sizes_plot(series: Series, breaks: list[float]) -> Markup:
    """Items per batch: the median, between the tenths of the smallest and largest batches."""
    known = [
        (at - series.interval_seconds / 2, low, middle, high)
        for at, low, middle, high in zip(
            series.elapsed_seconds,
            series.batch_items_tenth,
            series.batch_items_median,
            series.batch_items_nine_tenths,
            strict=True,
        )
        if low is not None and middle is not None and high is not None
    ]
    x, y, steps = _axes(series, max((high for *_, high in known), default=1.0), whole=True)
    high_line = _line([(x(at), y(high)) for at, _, _, high in known])
    low_line = _line([(x(at), y(low)) for at, low, _, _ in reversed(known)])
    few = known if len(known) <= MOST_DOTS else []
    dots = "".join(f"M{x(at):.1f} {y(middle):.1f}h0" for at, _, middle, _ in few)
    return canvas(
        HEIGHT + BOTTOM,
        "items per batch over time",
        frame(x, y, steps, breaks),
        tag("path", d=f"{high_line}L{low_line[1:]}z" if known else "", class_="band"),
        tag("path", d=_line([(x(at), y(middle)) for at, _, middle, _ in known]), class_="line"),
        tag("path", d=dots, class_="dots"),
    )


def _axes(series: Series, most: float, *, whole: bool = False) -> tuple[Scale, Scale, list[float]]:
    steps = ticks(most, whole=whole)
    x = time_scale(series.elapsed_seconds[-1])
    return x, Scale(0.0, steps[-1], HEIGHT, TOP), steps


def _line(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points) if points else ""


def _outline(x: Scale, y: Scale, edges: Sequence[float], heights: Sequence[float]) -> str:
    """A line in steps, left to right; equal neighbours are one step."""
    path = [f"M{x(edges[0]):.1f} {y(heights[0]):.1f}"]
    for edge, before, after in zip(edges[1:], heights, heights[1:], strict=False):
        if after != before:
            path.append(f"H{x(edge):.1f}V{y(after):.1f}")
    return "".join([*path, f"H{x(edges[-1]):.1f}"])


def _steps(
    x: Scale, y: Scale, edges: Sequence[float], lows: Sequence[float], highs: Sequence[float]
) -> str:
    """An area between two lines in steps."""
    back = _outline(x, y, edges[::-1], lows[::-1])
    return f"{_outline(x, y, edges, highs)}L{back[1:]}z"
