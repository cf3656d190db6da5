"""Bars that show how a whole is split by use."""

from __future__ import annotations

from pcm.durations import duration
from pcm.report.figures import Split
from pcm.report.html.markup import Markup, joined, tag
from pcm.report.html.words import USE_WORDS
from pcm.report.lanes import USES


def by_use(split: Split) -> dict[str, float]:
    return {use: getattr(split, f"{use}_seconds") for use in USES}


def keys(more: str) -> Markup:
    """What the colours mean, in a line."""
    named = [joined([tag("span", class_=f"key {use}"), USE_WORDS[use]]) for use in USES]
    return tag("span", *named, f"; {more}" if more else "")


def legend(seconds: dict[str, float]) -> Markup:
    """The uses with their shares of all worker seconds."""
    whole = sum(seconds.values())
    entries = [
        tag(
            "li",
            tag("span", class_=f"key {use}"),
            tag("b", USE_WORDS[use]),
            f" {value / whole:.1%}" if whole else " -",
            tag("span", f" {duration(value)}", class_="dim"),
        )
        for use, value in seconds.items()
    ]
    return tag("ul", *entries, class_="legend")


def stacked_bar(seconds: dict[str, float], label: str) -> Markup:
    """One bar, split by use."""
    whole = sum(seconds.values()) or 1.0
    parts, at = [], 0.0
    for use, value in seconds.items():
        width = 1000.0 * value / whole
        if width:
            parts.append(tag("path", d=f"M{at:.1f} 0h{width:.1f}v1h{-width:.1f}z", class_=use))
        at += width
    return tag(
        "svg",
        *parts,
        viewBox="0 0 1000 1",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
        class_="bar",
    )
