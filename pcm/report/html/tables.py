"""Tables of a run: workers, contexts, slowest items, entries of the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pcm.durations import duration
from pcm.report.figures import ContextAccount, SlowItem, WorkerAccount
from pcm.report.html.bars import by_use, stacked_bar
from pcm.report.html.markup import Markup, cut, tag
from pcm.report.html.words import USE_WORDS, share, took

MOST_WORKERS = 1000
MOST_KINDS = 100
OPEN_WORKERS = 24
"""With more, the table is folded at first."""


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], numbers: int = 0) -> Markup:
    """The last ``numbers`` columns are aligned as numbers."""
    first = len(headings) - numbers

    def cells(name: str, row: Sequence[object]) -> Markup:
        return tag(
            "tr",
            *(tag(name, c, class_="n" if i >= first else None) for i, c in enumerate(row)),
        )

    body = [cells("td", row) for row in rows]
    return tag("table", tag("thead", cells("th", headings)), tag("tbody", *body))


def workers_table(workers: list[WorkerAccount], scores: dict[str, float]) -> Markup:
    """``scores``: how much slower some are than their kind."""
    left = any(worker.left for worker in workers)
    headings = ["worker", "kind", "host", "time by use"]
    numbers = ["there", "useful", "items", "batches", "lost", "loads", *["left"] * left]
    rows = []
    for worker in workers[:MOST_WORKERS]:
        name: object = cut(worker.worker, 80)
        if worker.worker in scores:
            slower = f" {scores[worker.worker]:.1f} times slower"
            name = tag("span", name, tag("span", slower, class_="bad"))
        there = worker.split.joined_seconds
        row: list[object] = [
            name,
            cut(worker.kind, 60),
            cut(worker.host, 60),
            _bar(worker),
            duration(there),
            share(worker.split.useful_seconds, there),
            f"{worker.items:,}",
            f"{worker.batches:,}",
            worker.lost_batches or "",
            worker.context_loads,
        ]
        rows.append([*row, worker.left] if left else row)
    shown = table([*headings, *numbers], rows, len(numbers))
    missing = len(workers) - len(rows)
    if missing:
        more = f"and {missing:,} more: pcm report --json has all"
        shown = Markup(shown + tag("p", more, class_="dim"))
    return fold(f"All {len(workers):,} workers", shown, is_open=len(workers) <= OPEN_WORKERS)


def _bar(worker: WorkerAccount) -> Markup:
    split = by_use(worker.split)
    whole = worker.split.joined_seconds
    label = ", ".join(f"{USE_WORDS[u]} {share(v, whole)}" for u, v in split.items() if v)
    return stacked_bar(split, label)


def contexts_table(contexts: list[ContextAccount]) -> Markup:
    headings = ("context", "useful", "loading", "lost", "batches", "loads", "failed loads", "load")
    rows = [
        (
            tag("span", cut(one.name, 80), tag("code", one.context[:12], class_="dim")),
            duration(one.split.useful_seconds),
            duration(one.split.loading_seconds),
            duration(one.split.lost_seconds),
            f"{one.batches:,}",
            f"{one.loads:,}",
            one.load_failures,
            "-" if one.load_seconds_median is None else took(one.load_seconds_median),
        )
        for one in contexts
    ]
    return table(headings, rows, 7)


def slowest_table(items: list[SlowItem]) -> Markup:
    headings = ("key", "worker", "kind", "attempt", "seconds")
    rows = [
        (
            tag("code", cut(str(item.key), 200)),
            cut(item.worker, 80),
            cut(item.kind, 60),
            item.attempt,
            f"{item.seconds:.3f}",
        )
        for item in items
    ]
    return table(headings, rows, 2)


def events_table(kinds: dict[str, int]) -> Markup:
    rows = [(cut(kind, 80), f"{count:,}") for kind, count in kinds.items()]
    return table(("entry", "count"), rows[:MOST_KINDS], 1)


def fold(heading: object, content: Markup, *, is_open: bool) -> Markup:
    """What can be opened and closed without a script."""
    summary = tag("summary", heading)
    return tag("details", summary, content, open="open" if is_open else None)
