"""Group commit: writes gather in one transaction, and the disk is waited for only so often.

SQLite in WAL mode offers two kinds of commit. ``synchronous = NORMAL`` hands the rows to the
system: they survive the death of this process at any point, and the file survives a power cut
whole, but its last commits may be gone then. ``synchronous = FULL`` waits for the disk: 0.3 ms on
an idle SSD, 4 ms and more on a busy disk, while the manager's loop stands still.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pcm.errors import InputError, JournalError
from pcm.journal.faults import sqlite_faults
from pcm.journal.records import Durability

FLUSH_SECONDS = 1.0
BULK_CHECKPOINT_PAGES = 16384
_NEVER = float("-inf")


class Transactions:
    """The writing side of one connection. After a write has failed, all later ones raise."""

    def __init__(self, path: Path, connection: sqlite3.Connection, durability: Durability) -> None:
        self._path = path
        self._connection = connection
        self._every_time = durability == "power"
        self._bulk = False
        self._full = True
        self._flushed_at = _NEVER
        self._broken: JournalError | None = None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Within a transaction, which stays open. An InputError takes the whole of it back.

        Raises JournalError; then everything since the last commit is lost.
        """
        self._raise_if_broken()
        with self._breaking():
            if not self._connection.in_transaction:
                self._begin()
            try:
                yield
            except InputError:
                self._connection.execute("ROLLBACK")
                raise

    def commit(self, *, flush: bool = False) -> None:
        """End the transaction, if there is one; with ``flush``, wait for the disk in any case."""
        self._raise_if_broken()
        with self._breaking():
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
                if self._full:
                    self._flushed_at = time.monotonic()
                    return
            if flush:
                # A commit without changes writes nothing and so would flush nothing.
                self._set_full(True)
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    @contextmanager
    def bulk(self) -> Iterator[None]:
        """Leave flushing to checkpoints, of which there are few, while a run is not sealed yet: one
        that a power cut ends now is started over anyway."""
        (pages,) = self._connection.execute("PRAGMA wal_autocheckpoint").fetchone()
        self._connection.execute(f"PRAGMA wal_autocheckpoint = {BULK_CHECKPOINT_PAGES}")
        self._bulk = True
        try:
            yield
        finally:
            self._bulk = False
            with suppress(sqlite3.Error):
                self._connection.execute(f"PRAGMA wal_autocheckpoint = {pages}")

    def _begin(self) -> None:
        due = self._every_time or time.monotonic() - self._flushed_at >= FLUSH_SECONDS
        self._set_full(due and not self._bulk)
        self._connection.execute("BEGIN IMMEDIATE")

    def _set_full(self, full: bool) -> None:
        if full != self._full:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
            self._full = full

    @contextmanager
    def _breaking(self) -> Iterator[None]:
        try:
            with sqlite_faults(self._path):
                yield
        except JournalError as error:
            self._broken = error
            with suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            raise

    def _raise_if_broken(self) -> None:
        if self._broken is not None:
            raise JournalError(str(self._broken)) from self._broken
