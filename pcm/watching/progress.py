"""How a run's progress is shown: a live line on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import IO, TYPE_CHECKING

from pcm.durations import counted, duration, rate

if TYPE_CHECKING:
    from pcm.manager import Progress

FIRST_INTERVAL_SECONDS = 10.0
LONGEST_INTERVAL_SECONDS = 300.0
INTERVAL_GROWTH = 1.5
STEP = 0.1
"""The part of all items after which a plain line is due."""


class Display(ABC):
    """Shows where a run stands; ``update`` is called a few times per second."""

    @abstractmethod
    def update(self, progress: Progress, now_seconds: float, glideins: str = "") -> None:
        """``now_seconds``: of a clock that never goes back; ``glideins``: how they stand."""

    def note(self, text: str) -> None:
        """A line of its own, such as the answer to Ctrl-C."""
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:  # noqa: B027 - only some displays hold anything
        """Give the terminal back. Safe to call twice."""


class Silent(Display):
    """For ``--json``."""

    def update(self, progress: Progress, now_seconds: float, glideins: str = "") -> None:
        pass


class Lines(Display):
    """A line for every tenth of the items, and at intervals that grow from 10 s to 5 min; another
    for glideins, if they stand otherwise than before."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._interval = FIRST_INTERVAL_SECONDS
        self._next_seconds: float | None = None
        self._shown = 0.0
        self._glideins = ""

    def update(self, progress: Progress, now_seconds: float, glideins: str = "") -> None:
        if self._next_seconds is None:
            self._next_seconds = now_seconds + self._interval
        part = progress.finished / max(progress.items, 1)
        due = now_seconds >= self._next_seconds
        if not due and part < self._shown + STEP and not (part >= 1.0 > self._shown):
            return
        if due:
            self._interval = min(self._interval * INTERVAL_GROWTH, LONGEST_INTERVAL_SECONDS)
        self._next_seconds = now_seconds + self._interval
        self._shown = part
        print(described(progress), file=self._stream, flush=True)
        if glideins != self._glideins:
            self._glideins = glideins
            print(glideins, file=self._stream, flush=True)


class Live(Display):
    """A bar with figures, redrawn in place."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True),
            auto_refresh=False,
        )
        self._bar = self._progress.add_task("starting", total=None)
        self._progress.start()

    def update(self, progress: Progress, now_seconds: float, glideins: str = "") -> None:
        lines = [described(progress), glideins]
        self._progress.update(
            self._bar,
            total=progress.items or None,
            completed=progress.finished,
            description="\n".join(filter(None, lines)),
        )
        self._progress.refresh()

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        self._progress.stop()


def display(*, silent: bool) -> Display:
    """What fits where stderr goes."""
    if silent:
        return Silent()
    return Live() if sys.stderr.isatty() else Lines(sys.stderr)


def described(progress: Progress) -> str:
    """The figures in one line."""
    percent = 100 * progress.finished // max(progress.items, 1)
    parts = [f"{progress.finished:,}/{progress.items:,} ({percent} %)"]
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if progress.items_per_second > 0:
        parts.append(rate(progress.items_per_second))
    if progress.paused:
        parts.append("paused")
    if progress.eta_seconds and progress.finished < progress.items:
        parts.append(f"{duration(progress.eta_seconds)} left")
    states = [
        f"{count} {state}"
        for count, state in (
            (progress.warm_workers, "warm"),
            (progress.loading_workers, "loading"),
        )
        if count
    ]
    workers = counted(progress.workers, "worker")
    parts.append(workers + (f" ({', '.join(states)})" if states else ""))
    if progress.in_flight:
        parts.append(f"{progress.in_flight:,} in flight")
    return ", ".join(parts)
