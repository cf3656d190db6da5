"""The runs that are shown: those named, those found below a named folder, those told of later."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path

from pcm.dashboard.feed import STANDING_SECONDS, Feed
from pcm.dashboard.views import RunHead
from pcm.errors import InputError, PcmError
from pcm.journal import is_run

log = logging.getLogger("pcm.dashboard")

MOST_RUNS = 100
"""Those that ended first make room."""

FOLDER_SECONDS = 3.0


class Shelf:
    """Feeds by run. For one thread."""

    def __init__(self) -> None:
        self.feeds: dict[str, Feed] = {}
        self._folders: list[Path] = []
        self._folders_looked_at = 0.0
        self._bad: set[Path] = set()
        self._turn = 0

    def add(self, directory: str | Path) -> None:
        """A run's directory, or a folder that holds such, also those that come to it later.

        Raises InputError if it is neither, JournalError if its journal is damaged.
        """
        path = Path(directory).expanduser().absolute()
        if is_run(path):
            self._show(path)
            return
        if not path.is_dir():
            raise InputError("is not a directory", file=str(directory), mend="check the path")
        self._folders.append(path)
        if not self._look_into(path):
            self._folders.remove(path)
            raise InputError(
                "holds no run",
                file=str(directory),
                mend="give a run's directory, or one that holds such",
            )

    def tell_of(self, directory: str) -> None:
        """By a manager, whose run it is: what is wrong with it is for the log."""
        try:
            self.add(directory)
        except PcmError as error:
            log.warning("not shown: %s", error)

    def close(self) -> None:
        for feed in self.feeds.values():
            feed.close()
        self.feeds.clear()

    def heads(self) -> list[RunHead]:
        """The newest first."""
        heads = [feed.head() for feed in self.feeds.values()]
        return sorted(heads, key=lambda head: head.began_at, reverse=True)

    def get(self, run: str) -> Feed | None:
        return self.feeds.get(run)

    def follow(self, seconds: float, *, look: bool = False) -> bool:
        """All feeds, for so long altogether, each in its turn; whether more is left. ``look``: at
        their directories too, however short ago that was."""
        self._find_more()
        deadline = time.monotonic() + seconds
        feeds = list(self.feeds.values())
        left = False
        for number in range(len(feeds)):
            feed = feeds[(self._turn + number) % len(feeds)]
            feed.look(0.0 if look else STANDING_SECONDS)
            left = feed.follow(max(0.0, deadline - time.monotonic())) or left
        self._turn += 1
        return left

    def _find_more(self) -> None:
        now = time.monotonic()
        if self._folders and now - self._folders_looked_at >= FOLDER_SECONDS:
            self._folders_looked_at = now
            for folder in self._folders:
                self._look_into(folder)

    def _look_into(self, folder: Path) -> int:
        """How many runs lie there."""
        known = {feed.directory for feed in self.feeds.values()}
        found = 0
        for path in sorted(_folders_in(folder)):
            try:
                if path in known:
                    found += 1
                elif path not in self._bad and is_run(path):
                    self._show(path)
                    found += 1
            except PcmError as error:
                log.warning("not shown: %s", error)
                self._bad.add(path)
        return found

    def _show(self, path: Path) -> None:
        if any(feed.directory == path for feed in self.feeds.values()):
            return
        feed = Feed(path)
        number = 2
        while feed.run in self.feeds:  # A copy of a directory that is shown already.
            feed.rename(f"{feed.manifest.run}-{number}")
            number += 1
        self.feeds[feed.run] = feed
        over = [run for run, one in self.feeds.items() if not one.is_live and one is not feed]
        for run in over[: max(0, len(self.feeds) - MOST_RUNS)]:
            self.feeds.pop(run).close()


def _folders_in(folder: Path) -> Iterable[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError as error:
        log.warning("%s cannot be read: %s", folder, error.strerror)
        return []
