"""One screen of a run, from the views that the dashboard has too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pcm.durations import duration, rate
from pcm.unseen import seen

if TYPE_CHECKING:
    from pcm.dashboard.views import Eta, Overview, RunHead, WorkerRow, WorkersPage

SORTS = ("worker", "state", "kind", "items", "items_per_second", "skew", "lost_batches")
MOST_TROUBLES = 4
MOST_RUNS = 6
LABEL = 13
"""Columns for what a line is about."""

BELOW = 4
"""Lines besides those of workers: a blank one, the headings, the keys, and one to spare."""

_BARS = (
    ("useful", "█", "#", "blue"),
    ("loading", "▓", "=", "yellow"),
    ("lost", "▒", "x", "red"),
    ("idle", "░", "-", "white"),
    ("no_work", "·", ".", "bright_black"),
)
_WORDS = {"no_work": "without work"}
_STATES = {
    "running": "green",
    "completed": "green",
    "paused": "yellow",
    "interrupted": "yellow",
    "working": "blue",
    "loading": "yellow",
    "gone": "bright_black",
    "leaving": "yellow",
}
_GRADES = {"bad": ("!!", "bold red"), "warning": ("! ", "yellow"), "note": ("  ", "")}


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a screen is made of, but for the workers. ``page``: which of their pages; ``keys``:
    whether somebody can press any."""

    runs: list[RunHead]
    chosen: int
    overview: Overview
    page: int
    sort: str
    descending: bool
    note: str = ""
    """Why it cannot be followed now, or how far the log was read."""
    keys: bool = True


def screen(shown: Shown, workers: WorkersPage, console: Console) -> RenderableType:
    """``workers``: of the page that is shown."""
    parts: list[RenderableType] = [*_lines(shown, console), Text(), _workers(workers.rows)]
    if shown.keys:
        parts.append(_footer(shown, workers.total, console))
    return Group(*parts)


def room_for_workers(shown: Shown, console: Console) -> int:
    """How many rows of workers the terminal has room for; one at least."""
    above = sum(line.plain.count("\n") + 1 for line in _lines(shown, console))
    return max(1, console.height - above - BELOW)


def pages(total: int, rows: int) -> int:
    return max(1, -(-total // rows))


def _lines(shown: Shown, console: Console) -> list[Text]:
    overview, wide = shown.overview, _is_wide(console)
    head = overview.head
    title = Text(seen(head.name)[:60], style="bold")
    title.append(f"  {head.state}", _STATES.get(head.state, "red"))
    title.append(f"  {duration(overview.seconds)}")
    lines = [title]
    if len(shown.runs) > 1:
        lines = [*_others(shown), Text(), title]
    if shown.note:
        lines.append(Text(seen(shown.note), style="yellow"))
    width = max(10, min(60, console.width - LABEL - 2))
    lines.append(_progress(overview, width, wide=wide))
    lines.append(_line("speed", _speed(overview)))
    lines.append(_split(overview, width, wide=wide))
    lines.append(_line("workers", _crew(overview)))
    for trouble in overview.troubles[:MOST_TROUBLES]:
        mark, style = _GRADES[trouble.grade]
        line = Text(f"{mark} {seen(trouble.what)}", style=style)
        if trouble.mend:
            line.append(f": {seen(trouble.mend)}", "default not bold")
        line.truncate(console.width, overflow="ellipsis")
        lines.append(line)
    hidden = len(overview.troubles) - MOST_TROUBLES
    if hidden > 0:
        lines.append(Text(f"   and {hidden} more: pcm dashboard shows them"))
    for line in lines:
        line.no_wrap = True
        line.overflow = "ellipsis"
    return lines


def _line(label: str, parts: Sequence[str]) -> Text:
    return Text(f"{label:<{LABEL}}" + ", ".join(part for part in parts if part))


def _others(shown: Shown) -> list[Text]:
    lines = []
    first = max(0, min(shown.chosen - MOST_RUNS // 2, len(shown.runs) - MOST_RUNS))
    for number, head in list(enumerate(shown.runs))[first : first + MOST_RUNS]:
        mark = ">" if number == shown.chosen else " "
        done = 100 * head.finished // max(1, head.items)
        line = Text(f"{mark} {seen(head.name)[:40]:<40} {done:>3} %  ")
        line.append(head.state, _STATES.get(head.state, "red"))
        lines.append(line)
    return lines


def _progress(overview: Overview, width: int, *, wide: bool) -> Text:
    head = overview.head
    part = head.finished / head.items if head.items else 0.0
    full = min(width, int(part * width))
    line = Text(f"{'items':<{LABEL}}")
    line.append(("█" if wide else "#") * full, "green")
    line.append(("░" if wide else "-") * (width - full), "bright_black")
    line.append(f"\n{'':<{LABEL}}{head.finished:,} of {head.items:,} ({100 * part:.0f} %)")
    if head.failed:
        line.append(f", {head.failed:,} failed", "red")
    line.append(f", {overview.in_flight:,} in flight, {overview.waiting:,} waiting")
    return line


def _speed(overview: Overview) -> list[str]:
    best = overview.efficiency
    is_on = overview.head.state in ("running", "paused")
    return [
        rate(overview.items_per_second) if overview.items_per_second else "",
        _eta(overview.eta) if is_on else "",
        "" if best is None else f"{best:.1%} of the best possible",
    ]


def _eta(eta: Eta | None) -> str:
    if eta is None:
        return "not known yet how long"
    between = f"{duration(eta.soonest_seconds)} to {duration(eta.latest_seconds)}"
    return f"{duration(eta.seconds)} left ({between})"


def _split(overview: Overview, width: int, *, wide: bool) -> Text:
    seconds = {use: getattr(overview.split, f"{use}_seconds") for use, *_ in _BARS}
    whole = sum(seconds.values())
    line = Text(f"{'their time':<{LABEL}}")
    words = Text(f"\n{'':<{LABEL}}")
    at = passed = 0
    total = 0.0
    for use, block, plain, style in _BARS:
        total += seconds[use]
        at = round(total / whole * width) if whole else 0
        line.append((block if wide else plain) * (at - passed), style)
        passed = at
        share = seconds[use] / whole if whole else 0.0
        if share >= 0.0005 or use == "useful":
            words.append(f"{block if wide else plain} ", style)
            words.append(f"{_WORDS.get(use, use)} {share:.1%}  ")
    return line.append_text(words)


def _crew(overview: Overview) -> list[str]:
    crew = msgspec.structs.asdict(overview.crew)
    states = ", ".join(f"{count} {state}" for state, count in crew.items() if count)
    total = sum(crew.values())
    return [
        f"{total:,}{f' ({states})' if states else ''}",
        f"{overview.evictions:,} taken away" if overview.evictions else "",
        f"lost batches: {overview.lost_batches:,}" if overview.lost_batches else "",
        f"{overview.retries:,} retries" if overview.retries else "",
    ]


def _workers(rows: list[WorkerRow]) -> Table:
    table = Table(box=None, pad_edge=False, expand=False)
    for heading in ("worker", "state", "kind", "context"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis", max_width=28)
    for heading in ("batch", "items", "items/s", "speed", "skew", "lost"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        warm = [held.name or held.context[:12] for held in row.held if held.tier == "gpu"]
        table.add_row(
            Text(seen(row.worker)),
            Text(seen(row.left or row.state), style=_STATES.get(row.state, "")),
            Text(seen(row.kind)),
            Text(seen(", ".join(warm))),
            "" if row.batch is None else str(row.batch),
            f"{row.items:,}",
            "" if row.items_per_second is None else f"{row.items_per_second:.3g}",
            "" if row.relative_speed is None else f"{row.relative_speed:.2f}",
            Text(f"{row.skew:.1f}", style="yellow") if row.skew > 1.0 else "",
            str(row.lost_batches or ""),
        )
    return table


def _footer(shown: Shown, total: int, console: Console) -> Text:
    count = pages(total, room_for_workers(shown, console))
    direction = " down" if shown.descending else ""
    keys = [f"q quit   s sort ({shown.sort}{direction})   r reverse"]
    if count > 1:
        keys.append(f"n p page {shown.page + 1} of {count}")
    if len(shown.runs) > 1:
        keys.append("tab next run")
    return Text("   ".join(keys), style="bright_black", no_wrap=True, overflow="ellipsis")


def _is_wide(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")
