"""How long loads took, by class of workers: a box, and a stroke for every load."""

from __future__ import annotations

from pcm.report.html.markup import Markup, cut, tag
from pcm.report.html.words import took
from pcm.report.series import LoadTimes

UNITS = 1000.0
MOST_STROKES = 200
MOST_ROWS = 60


def loads_table(loads: list[LoadTimes]) -> Markup:
    most = max((times.most for times in loads), default=0.0) or 1.0
    rows = [
        tag(
            "tr",
            tag("td", cut(times.kind, 60), tag("span", cut(_name(times), 60), class_="dim")),
            tag("td", _box(times, most), class_="wide"),
            tag("td", f"{times.count:,}", class_="n"),
            tag("td", took(times.quartiles[1]), class_="n"),
            tag("td", f"{took(times.quartiles[0])} to {took(times.quartiles[2])}", class_="n"),
            tag("td", f"{took(times.least)} to {took(times.most)}", class_="n"),
        )
        for times in loads[:MOST_ROWS]
    ]
    head = tag(
        "tr",
        tag("th", "kind of worker, context"),
        tag("th", "0", tag("span", took(most), class_="right"), class_="dim wide"),
        *(tag("th", name, class_="n") for name in ("loads", "median", "middle half", "all")),
    )
    return tag("table", tag("thead", head), tag("tbody", *rows), class_="loads")


def _name(times: LoadTimes) -> str:
    return times.name or times.context[:12]


def _box(times: LoadTimes, most: float) -> Markup:
    def x(seconds: float) -> float:
        return UNITS * seconds / most

    low, middle, high = map(x, times.quartiles)
    step = max(1, len(times.seconds) // MOST_STROKES)
    strokes = "".join(f"M{x(seconds):.0f} 1v18" for seconds in times.seconds[::step])
    width = max(high - low, 1.0)
    return tag(
        "svg",
        tag("path", d=f"M{x(times.least):.1f} 10H{x(times.most):.1f}", class_="range"),
        tag("path", d=f"M{low:.1f} 4h{width:.1f}v12h{-width:.1f}z", class_="box"),
        tag("path", d=strokes, class_="rug"),
        tag("path", d=f"M{middle:.1f} 2v16", class_="median"),
        viewBox=f"-2 0 {UNITS + 4:g} 20",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{times.count} loads, median {took(times.quartiles[1])}",
        class_="boxplot",
    )
