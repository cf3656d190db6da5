"""Follow runs and show them, until somebody has seen enough."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console, RenderableType
from rich.live import Live

from pcm.dashboard import answers
from pcm.dashboard.feed import Feed
from pcm.dashboard.views import WorkersPage
from pcm.top.keys import Keys
from pcm.top.screen import SORTS, Shown, pages, room_for_workers, screen

REDRAW_SECONDS = 1.0
READ_SECONDS = 0.5
"""So long at a time a log is read before the screen is drawn again."""


@dataclass(slots=True)
class Wishes:
    """What the person at the terminal wants to see."""

    run: int = 0
    sort: str = SORTS[0]
    descending: bool = False
    page: int = 0
    over: bool = False

    def take(self, keys: str, runs: int) -> None:
        """Keys, one after another; what none of them means is passed over."""
        for key in keys.replace("\x1b[6~", "n").replace("\x1b[5~", "p"):
            match key:
                case "q" | "\x03" | "\x04":
                    self.over = True
                case "s":
                    self.sort = SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]
                    # Of numbers, the greatest are of interest.
                    self.descending = SORTS.index(self.sort) >= SORTS.index("items")
                    self.page = 0
                case "r":
                    self.descending = not self.descending
                case "n" | " ":
                    self.page += 1
                case "p":
                    self.page = max(0, self.page - 1)
                case "\t":
                    self.run, self.page = (self.run + 1) % runs, 0


def watch(directories: Sequence[Path], *, once: bool = False) -> None:
    """Show runs on standard output, redrawn each second; once and for all if ``once``, or if that
    is no terminal. Raises InputError or JournalError if one of them cannot be read at all."""
    console = Console()
    feeds: list[Feed] = []
    try:
        for directory in directories:
            feeds.append(Feed(directory))
        if once or not console.is_terminal:
            _print(feeds, console)
        else:
            _follow(feeds, console)
    finally:
        for feed in feeds:
            feed.close()


def _print(feeds: list[Feed], console: Console) -> None:
    """All of it, one after the other."""
    if not console.is_terminal:
        console = Console(width=200)
    for number, feed in enumerate(feeds):
        while feed.follow(READ_SECONDS):
            pass
        if number:
            console.print()
        shown = _shown([feed], Wishes(), keys=False)
        workers = _workers(feed, Wishes(), len(feed.chronicle.lanes) or 1)
        console.print(screen(shown, workers, console))


def _follow(feeds: list[Feed], console: Console) -> None:
    with (
        Keys() as keys,
        Live(console=console, screen=True, auto_refresh=False) as live,
        suppress(KeyboardInterrupt),
    ):
        _redraw(feeds, keys, live)


def _redraw(feeds: list[Feed], keys: Keys, live: Live) -> None:
    """Again and again, until that is wished no more; in vain only where something is live."""
    wishes = Wishes()
    drawn: object = None
    while not wishes.over:
        left = [feed.follow(READ_SECONDS / len(feeds)) for feed in feeds]
        looks = [feed.look() for feed in feeds]
        now = [feed.chronicle.last_seq for feed in feeds], replace(wishes), live.console.size
        if now != drawn or any(looks) or any(feed.is_live for feed in feeds):
            drawn = now
            live.update(_drawn(feeds, wishes, keys, live.console), refresh=True)
        pressed = keys.wait(0.0 if any(left) else REDRAW_SECONDS)
        wishes.take(pressed, len(feeds))


def _drawn(feeds: list[Feed], wishes: Wishes, keys: Keys, console: Console) -> RenderableType:
    shown = _shown(feeds, wishes, keys=keys.are_there)
    rows = room_for_workers(shown, console)
    workers = _workers(feeds[wishes.run], wishes, rows)
    last = pages(workers.total, rows) - 1
    if wishes.page > last:
        wishes.page = last
        return _drawn(feeds, wishes, keys, console)
    return screen(shown, workers, console)


def _shown(feeds: list[Feed], wishes: Wishes, *, keys: bool) -> Shown:
    feed = feeds[wishes.run]
    return Shown(
        runs=[one.head() for one in feeds],
        chosen=wishes.run,
        overview=feed.overview(),
        page=wishes.page,
        sort=wishes.sort,
        descending=wishes.descending,
        note=feed.trouble,
        keys=keys,
    )


def _workers(feed: Feed, wishes: Wishes, rows: int) -> WorkersPage:
    """Those that are there, or, of a run that nobody works on, all that ever were."""
    state = "here" if feed.is_live else ""
    first = wishes.page * rows
    moment = feed.moment(None)
    return answers.workers(
        feed.chronicle, moment, wishes.sort, wishes.descending, state, "", first, rows
    )
