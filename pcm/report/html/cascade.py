"""The waterfall: from the bound, over what was lost, to what the run took."""

from __future__ import annotations

from pcm.durations import duration
from pcm.report.html.markup import Markup, number, tag
from pcm.report.html.words import LOSS_WORDS, share, took
from pcm.report.waterfall import Waterfall

UNITS = 1000.0
SMALL_LOSS = 0.25
"""Below this share of the whole, the bars begin later than at 0, so that losses can be seen."""
SHOWN_LOSS = 3.0
"""And then the whole loss takes one part in so many of the width."""


def cascade(fall: Waterfall) -> Markup:
    """A table with a row per part, each with its bar."""
    lost = fall.seconds - fall.bound_seconds
    begin = 0.0
    if lost < SMALL_LOSS * fall.seconds:
        begin = max(0.0, fall.seconds - SHOWN_LOSS * lost)
    rows = [
        _row(
            ("Bound", "before that no scheduler could have been done"),
            (0.0, fall.bound_seconds, begin, fall.seconds),
            "useful",
            fall,
            fall.useful_worker_seconds + fall.bound_loading_worker_seconds,
        )
    ]
    at = fall.bound_seconds
    for loss in fall.losses:
        if loss.seconds or loss.worker_seconds:
            place = (at, at + loss.seconds, begin, fall.seconds)
            words = LOSS_WORDS[loss.name]
            rows.append(_row(words, place, "lost", fall, loss.worker_seconds, loss.name))
        at += loss.seconds
    spent = fall.useful_worker_seconds + fall.bound_loading_worker_seconds
    spent += sum(loss.worker_seconds for loss in fall.losses if loss.name != "let_go")
    whole = (0.0, fall.seconds, begin, fall.seconds)
    rows.append(_row(("This run", "while a manager was at work on it"), whole, "sum", fall, spent))
    bar_heading = "" if not begin else f"bars begin at {took(begin)}"
    head = tag(
        "tr",
        tag("th", "part"),
        tag("th", bar_heading, class_="dim wide"),
        tag("th", "seconds", class_="n"),
        tag("th", "of the run", class_="n"),
        tag("th", "worker time", class_="n"),
    )
    return tag("table", tag("thead", head), tag("tbody", *rows), class_="cascade")


def _row(
    words: tuple[str, str],
    place: tuple[float, float, float, float],
    kind: str,
    fall: Waterfall,
    worker_seconds: float,
    name: str = "",
) -> Markup:
    start, stop, begin, end = place
    span = (end - begin) or 1.0
    first = UNITS * max(0.0, start - begin) / span
    # Too small to be seen is not the same as none at all.
    width = max(UNITS * (stop - max(start, begin)) / span, 1.5 if stop > start else 0.0)
    bar = tag(
        "svg",
        tag("path", d=f"M{number(first)} 0h{number(width)}v1h{number(-width)}z", class_=kind),
        viewBox=f"0 0 {UNITS:g} 1",
        preserveAspectRatio="none",
        aria_hidden="true",
        class_="bar",
    )
    unspent = name == "let_go"
    return tag(
        "tr",
        tag("td", tag("b", words[0]), tag("span", words[1], class_="dim")),
        tag("td", bar, class_="wide"),
        tag("td", took(stop - start), class_="n"),
        tag("td", share(stop - start, fall.seconds), class_="n"),
        tag("td", "not spent" if unspent else duration(worker_seconds), class_="n"),
        class_="sum" if kind == "sum" else None,
    )
