"""A run's books as text: tables on a terminal, the same without colours elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pcm.durations import duration
from pcm.report.figures import Accounts, Split

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

PLAIN_WIDTH = 200
"""Characters per line where nobody's terminal sets a limit, so that nothing is folded."""

_HEADINGS = ("useful", "loading", "lost", "idle", "no work")


def render(accounts: Accounts, console: Console | None = None) -> None:
    """Print the books; on standard output, unless a console is given."""
    if console is None:
        from rich.console import Console

        console = Console()
        if not console.is_terminal:
            console = Console(width=PLAIN_WIDTH)
    console.print(_headline(accounts), markup=False, highlight=False, soft_wrap=True)
    if accounts.bound_seconds:
        console.print(_bound(accounts), markup=False, highlight=False, soft_wrap=True)
    if accounts.dropped_events:
        console.print(_late(accounts), markup=False, highlight=False, soft_wrap=True)
    if accounts.error:
        console.print(accounts.error, markup=False, highlight=False, soft_wrap=True)
    for part in (_workers(accounts), _contexts(accounts), _counts(accounts), _slowest(accounts)):
        if part is not None:
            console.print()
            console.print(part)


def _headline(accounts: Accounts) -> str:
    bad = accounts.failed + accounts.quarantined
    sittings = f" in {accounts.sittings} sittings" if accounts.sittings > 1 else ""
    return (
        f"{accounts.name}: {accounts.state}; {accounts.finished:,} of {accounts.items:,} items "
        f"finished, {bad:,} of them failed; {duration(accounts.seconds)}{sittings}, "
        f"{accounts.items_per_second:,.3g} items/s"
    )


def _bound(accounts: Accounts) -> str:
    split, whole = accounts.split, accounts.split.joined_seconds
    line = (
        f"bound {_exactly(accounts.bound_seconds)}: no scheduler could have been faster; this run "
        f"took {_exactly(accounts.seconds)} ({accounts.efficiency:.1%})"
    )
    if not whole:
        return line
    return (
        f"{line}\nthe workers' time: {split.useful_seconds / whole:.1%} useful, "
        f"{split.loading_seconds / whole:.1%} loading, {split.lost_seconds / whole:.1%} lost, "
        f"{split.idle_seconds / whole:.1%} idle with work waiting, "
        f"{split.no_work_seconds / whole:.1%} without work"
    )


def _late(accounts: Accounts) -> str:
    return (
        f"the log was longer than is kept: its first {accounts.dropped_events:,} entries are gone, "
        "and times and batches are those since then"
    )


def _exactly(seconds: float) -> str:
    """Bound and time differ by little, so with a decimal as long as that says something."""
    return f"{seconds:.1f} s" if seconds < 100 else duration(seconds)


def _workers(accounts: Accounts) -> RenderableType | None:
    if not accounts.workers:
        return None
    left = ("left",) if any(worker.left for worker in accounts.workers) else ()
    headings = ("worker", "kind", *_HEADINGS, "items", "batches", "loads", *left)
    table = _table("Worker seconds", *headings)
    for worker in accounts.workers:
        cells = (f"{worker.items:,}", f"{worker.batches:,}", str(worker.context_loads), worker.left)
        _add(table, worker.worker, worker.kind, *_parts(worker.split), *cells[: 3 + len(left)])
    table.add_section()
    _add(table, "all", "", *_parts(accounts.split))
    _add(table, "", "", *_shares(accounts.split))
    return table


def _contexts(accounts: Accounts) -> RenderableType | None:
    if not accounts.contexts:
        return None
    table = _table(
        "Contexts", "context", *_HEADINGS[:3], "batches", "loads", "failed loads", "load s"
    )
    for context in accounts.contexts:
        load_seconds = context.load_seconds_median
        _add(
            table,
            context.name or context.context[:12],
            *_parts(context.split)[:3],
            f"{context.batches:,}",
            str(context.loads),
            str(context.load_failures),
            "-" if load_seconds is None else f"{load_seconds:.2f}",
        )
    return table


def _counts(accounts: Accounts) -> str:
    overhead, sizes = accounts.overhead_seconds_per_batch, accounts.batch_sizes
    lines = [
        f"batches: {accounts.batches:,}, {accounts.lost_batches:,} of them lost"
        + (f"; {sizes.least} to {sizes.most} items, median {sizes.median:g}" if sizes else ""),
        f"items: {accounts.retries:,} retries, {accounts.quarantined:,} quarantined, "
        f"{accounts.duplicates:,} duplicate results dropped",
    ]
    if overhead is not None:
        lines.append(f"overhead: {overhead * 1e3:.2f} ms per batch (median)")
    return "\n".join(lines)


def _slowest(accounts: Accounts) -> RenderableType | None:
    if not accounts.slowest:
        return None
    table = _table("Slowest items", "key", "seconds", "worker", "kind", "attempt")
    for item in accounts.slowest:
        seconds = f"{item.seconds:.3f}"
        _add(table, str(item.key), seconds, item.worker, item.kind, str(item.attempt))
    return table


def _table(title: str, *headings: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in headings:
        if heading in ("worker", "kind", "context", "key", "left"):
            table.add_column(heading, overflow="fold")
        else:
            table.add_column(heading, justify="right", no_wrap=True)
    return table


def _add(table: Table, *cells: str) -> None:
    """A row whose cells are taken as they are: keys and names may contain markup."""
    from rich.text import Text

    table.add_row(*map(Text, cells))


def _parts(split: Split) -> list[str]:
    return [f"{seconds:,.1f}" for seconds in _seconds(split)]


def _shares(split: Split) -> list[str]:
    whole = split.joined_seconds
    return [f"{seconds / whole:.1%}" if whole else "-" for seconds in _seconds(split)]


def _seconds(split: Split) -> tuple[float, ...]:
    return (
        split.useful_seconds,
        split.loading_seconds,
        split.lost_seconds,
        split.idle_seconds,
        split.no_work_seconds,
    )
