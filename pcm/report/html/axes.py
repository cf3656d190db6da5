"""Where things are in a plot: scales, ticks, and the frame that a plot is drawn in."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pcm.report.html.markup import Markup, joined, number, tag

WIDTH = 1080.0
LEFT, RIGHT = 64.0, 12.0
"""Margins that all plots over time share, so that a moment is at the same place in each."""

_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200)


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places; ``low`` and ``high`` are at ``start`` and ``stop``."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low
        part = (value - self.low) / span if span else 0.0
        return self.start + part * (self.stop - self.start)


def time_scale(seconds: float) -> Scale:
    return Scale(0.0, seconds or 1.0, LEFT, WIDTH - RIGHT)


def ticks(high: float, count: int = 4, *, whole: bool = False) -> list[float]:
    """Round numbers from 0 to at least ``high``, some ``count`` steps."""
    if high <= 0:
        return [0.0, 1.0]
    step = 10.0 ** math.floor(math.log10(high / count))
    step *= next(factor for factor in (1, 2, 5, 10) if high / (step * factor) <= count + 1e-9)
    if whole:
        step = max(1.0, step)
    return [step * i for i in range(math.ceil(high / step - 1e-9) + 1)]


def time_ticks(seconds: float, count: int = 8) -> list[float]:
    """Round times below ``seconds``, at most ``count``."""
    if seconds < count:
        return [tick for tick in ticks(seconds, count) if tick <= seconds]
    steps = [*_TIME_STEPS, *(86400 * days for days in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))]
    step = next((step for step in steps if seconds / step <= count), steps[-1])
    return [float(step * i) for i in range(int(seconds // step) + 1)]


def clock(seconds: float) -> str:
    """Of a tick: ``0``, ``5 s``, ``1:30 min``, ``2:05 h``, ``3 d``."""
    if not seconds:
        return "0"
    if seconds < 60:
        return f"{seconds:g} s"
    if seconds < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min" if not rest else f"{minutes}:{rest:02d} min"
    if seconds < 86400:
        hours, rest = divmod(round(seconds / 60), 60)
        return f"{hours} h" if not rest else f"{hours}:{rest:02d} h"
    return f"{seconds / 86400:g} d"


def short(value: float) -> str:
    """Of a tick: ``0.5``, ``800``, ``1.2k``, ``3.5M``."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def frame(
    x: Scale, y: Scale, y_ticks: list[float], breaks: list[float], *, times: bool = True
) -> Markup:
    """Grid lines, labels and, dashed, where one sitting ended and the next began (``breaks``)."""
    top, bottom = y.stop, y.start
    lines = []
    for tick in y_ticks:
        at = y(tick)
        lines.append(tag("path", d=f"M{number(x.start)} {number(at)}H{number(x.stop)}", class_="g"))
        lines.append(tag("text", short(tick), x=x.start - 8, y=at + 4, class_="y"))
    if times:
        for tick in time_ticks(x.high):
            lines.append(tag("text", clock(tick), x=x(tick), y=bottom + 16, class_="x"))
    if breaks:
        dashed = "".join(f"M{number(x(b))} {number(top)}V{number(bottom)}" for b in breaks)
        lines.append(tag("path", d=dashed, class_="b"))
    return joined(lines)


def canvas(height: float, label: str, *children: object) -> Markup:
    """An SVG as wide as its column; ``label`` says in words what it shows."""
    return tag(
        "svg",
        *children,
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        role="img",
        aria_label=label,
        class_="plot",
    )
