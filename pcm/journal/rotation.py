"""The event log is bounded: its oldest entries leave the journal for files, the oldest files go.

The journal keeps the last ``EVENTS_LIMIT`` entries. That is more than a run of a thousand workers
and a hundred thousand batches writes (five to ten each), so that nearly all logs are whole in one
file, where any place of them is found at once; and it is some 500 MB, which any disk that
holds models has. What is older is moved out, ``PART_EVENTS`` at a time, which holds the manager up
for two tenths of a second, and is read from there as if nothing had happened. Of those files, which
are a tenth as large, the oldest are removed beyond ``PARTS_BYTES``: only then does a log begin
later than its run, and whoever makes books of it must say so (``JournalReader.dropped_events``).
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import suppress
from pathlib import Path

from pcm.journal.parts import parts_of, write_part

log = logging.getLogger("pcm")

EVENTS_LIMIT = 2_000_000
PART_EVENTS = 20_000
PARTS_BYTES = 1 << 30


class Rotation:
    """Of one journal's event log. Belongs to whoever writes it."""

    def __init__(
        self,
        directory: Path,
        connection: sqlite3.Connection,
        *,
        events_limit: int = EVENTS_LIMIT,
        part_events: int | None = None,
        parts_bytes: int = PARTS_BYTES,
    ) -> None:
        self._directory, self._connection = directory, connection
        self._limit = max(1, events_limit)
        self._part = part_events or min(PART_EVENTS, max(1, self._limit // 2))
        self._parts_bytes = parts_bytes
        first, last = connection.execute("SELECT min(seq), max(seq) FROM events").fetchone()
        self._count = 0 if first is None else last - first + 1
        self._due = self._limit + self._part

    def added(self, count: int) -> None:
        """So many entries more. Call within the transaction that they are written in: what is moved
        out leaves the journal with it, and was committed long before."""
        self._count += count
        while self._count >= self._due:
            try:
                self._move_out()
            except OSError as error:
                log.warning("old entries of the event log stay in the journal: %s", error)
                self._due = self._count + self._part
                return
            self._due = self._limit + self._part
            self._drop_oldest()

    def _move_out(self) -> None:
        query = "SELECT seq, at, kind, json FROM events ORDER BY seq LIMIT ?"
        rows = self._connection.execute(query, (self._part,)).fetchall()
        write_part(self._directory, rows)
        self._connection.execute("DELETE FROM events WHERE seq <= ?", (rows[-1][0],))
        self._count -= len(rows)

    def _drop_oldest(self) -> None:
        with suppress(OSError):
            sizes = [(part.path, part.path.stat().st_size) for part in parts_of(self._directory)]
            total = sum(size for _, size in sizes)
            for path, size in sizes[:-1]:
                if total <= self._parts_bytes:
                    break
                path.unlink()
                total -= size
