"""One run: its log, followed to the end as it grows, and what else its directory tells."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from pcm.chronicle import Chronicle
from pcm.control.note import can_act
from pcm.dashboard import answers
from pcm.dashboard.views import Overview, RunHead, RunState
from pcm.errors import PcmError
from pcm.journal import JournalReader, LoggedEvent, Manifest, RunStatus, owner
from pcm.journal.schema import JOURNAL_FILE

log = logging.getLogger("pcm.dashboard")

STANDING_SECONDS = 1.0
"""So old may be what is known of a run besides its log."""

RETRY_SECONDS = 5.0
_CLOCK_EVERY = 64
"""Entries between two looks at the clock."""


class Standing(NamedTuple):
    """What the directory tells besides the log. ``file``: which journal it is."""

    status: RunStatus
    has_manager: bool
    can_act: bool
    file: tuple[int, int]


class Feed:
    """Follows a run. For one thread. Raises InputError, JournalError if there is none."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self._name = ""
        self._reader = JournalReader(self.directory)
        try:
            self.manifest: Manifest = self._reader.manifest
            self.chronicle = Chronicle(self._reader.costs())
            self._entries: Iterator[LoggedEvent] | None = None
            self._looked_at = 0.0
            self._retry_at = 0.0
            self.trouble = ""
            """Why it cannot be followed now; empty if it can."""
            self.standing = self._look()
        except BaseException:
            self._reader.close()
            raise

    @property
    def run(self) -> str:
        """What the API calls it."""
        return self._name or self.manifest.run

    def rename(self, name: str) -> None:
        self._name = name

    @property
    def is_live(self) -> bool:
        """Whether a manager is at work on it."""
        return self.standing.has_manager

    def close(self) -> None:
        self._entries = None
        self._reader.close()

    # -- following ---------------------------------------------------------------------------------

    def follow(self, seconds: float) -> bool:
        """Take in what is new in the log, for so long at most; whether more is left.

        What goes wrong is kept in ``trouble``, and tried again later.
        """
        deadline = time.monotonic() + seconds
        if self.trouble and time.monotonic() < self._retry_at:
            return False
        try:
            if self._entries is None:
                self._entries = self._reader.events(after=self.chronicle.last_seq)
            take = self.chronicle.take
            for count, entry in enumerate(self._entries, 1):
                take(entry)
                if count % _CLOCK_EVERY == 0 and time.monotonic() > deadline:
                    return True
            self._entries = None
            self.trouble = ""
        except PcmError as error:
            self._fail(str(error))
        return False

    def look(self, within_seconds: float = STANDING_SECONDS) -> bool:
        """Look at the directory again, unless that was done just now; whether it has changed."""
        now = time.monotonic()
        if now - self._looked_at < within_seconds:
            return False
        self._looked_at = now
        before = self.standing
        try:
            self.standing = self._look()
            if self.standing.file != before.file and 0 not in self.standing.file:
                self._begin_anew()
        except PcmError as error:
            self._fail(str(error))
        return self.standing != before

    def _look(self) -> Standing:
        file = (0, 0)
        with suppress(OSError):
            found = os.stat(self.directory / JOURNAL_FILE)
            file = (found.st_dev, found.st_ino)
        here = self.directory.is_dir()
        return Standing(
            self._reader.status,
            here and owner(self.directory) is not None,
            here and can_act(self.directory),
            file,
        )

    def _begin_anew(self) -> None:
        """Another run has taken its place."""
        reader = JournalReader(self.directory)
        self.close()
        self._reader = reader
        self.manifest = reader.manifest
        self.chronicle = Chronicle(reader.costs())

    def _fail(self, why: str) -> None:
        if why != self.trouble:
            log.warning("%s: %s", self.directory, why)
        self.trouble = why
        self._entries = None
        self._retry_at = time.monotonic() + RETRY_SECONDS

    # -- answers -----------------------------------------------------------------------------------

    def moment(self, at: float | None) -> float:
        """The moment that is meant: now, while a manager is at work, or else the log's end at the
        latest."""
        latest = max(self.chronicle.last_at, time.time() if self.is_live else 0.0)
        return latest if at is None else max(min(at, latest), self.chronicle.began_at)

    def head(self, at: float | None = None) -> RunHead:
        """The run in the list of runs; what the log cannot tell of its end put right."""
        moment = self.moment(at)
        head = answers.head(
            self.chronicle,
            self.manifest,
            self.standing.status,
            str(self.directory),
            self.standing.can_act,
            moment,
        )
        state = head.state
        if moment >= self.chronicle.last_at:
            state = self._state_now(head)
        return msgspec.structs.replace(head, run=self.run, state=state)

    def overview(self, at: float | None = None) -> Overview:
        return answers.overview(self.chronicle, self.head(at), self.moment(at))

    def batches_of(self, worker: str, at: float) -> frozenset[int]:
        """Those that were sent to a worker until then."""
        if not worker:
            return frozenset()
        batches = self.chronicle.batches(at)
        lanes = [number for number, one in enumerate(self.chronicle.lanes) if one.worker == worker]
        return frozenset(int(batch) for batch in batches.id[np.isin(batches.lane, lanes)])

    def _state_now(self, head: RunHead) -> RunState:
        state = self.standing.status.state
        if self.is_live:
            return "paused" if head.state == "paused" else "running"
        return "interrupted" if state == "open" else state
