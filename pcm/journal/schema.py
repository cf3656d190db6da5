"""The journal's file: its tables, and how it is made, opened and told from other files."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pcm.errors import InputError
from pcm.journal.faults import sqlite_faults

JOURNAL_FILE = "journal.sqlite"
APPLICATION_ID = 0x70636D6A
SCHEMA_VERSION = 1
_BUSY_SECONDS = 20.0
_FIRST_LOOK = "SELECT count(*) FROM sqlite_master"

# Blobs come last in a row, so that scans over the small columns need not read their overflow pages.
# AUTOINCREMENT: a seq is never given twice, even when failed rows are forgotten, since readers
# follow the run by it.
_TABLES = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE items (
    item INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    cost REAL NOT NULL,
    payload BLOB NOT NULL
);
CREATE TABLE results (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    item INTEGER NOT NULL UNIQUE REFERENCES items (item),
    verdict INTEGER NOT NULL,
    worker TEXT NOT NULL,
    kind TEXT NOT NULL,
    batch INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    seconds REAL NOT NULL,
    at REAL NOT NULL,
    value BLOB,
    error BLOB,
    CHECK ((verdict = 0) = (value IS NOT NULL) AND (verdict = 0) = (error IS NULL))
);
CREATE INDEX failed_results ON results (item, verdict) WHERE verdict != 0;
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    item INTEGER NOT NULL REFERENCES items (item),
    attempt INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    worker TEXT NOT NULL,
    kind TEXT NOT NULL,
    seconds REAL NOT NULL,
    at REAL NOT NULL,
    error BLOB NOT NULL
);
CREATE INDEX attempts_of_item ON attempts (item, id);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    json TEXT NOT NULL
);
"""

Condition = Literal["empty", "unsealed", "sealed"]
"""empty: not one table yet; unsealed: not all items are in, so it is no run yet."""


def create_file(path: Path, manifest: str) -> sqlite3.Connection:
    """A new journal file, mode 0600 from the start; its -wal and -shm take on the same mode."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    connection = open_writer(path)
    with sqlite_faults(path), _closing_on_error(connection):
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('manifest', ?)", (manifest,))
        connection.execute("COMMIT")
    return connection


def open_writer(path: Path) -> sqlite3.Connection:
    """Explicit transactions; for one thread at a time, any thread."""
    with sqlite_faults(path):
        return _connect(
            path,
            "rw",
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "PRAGMA foreign_keys = ON",
            "PRAGMA cache_size = -32768",
        )


def open_reader(path: Path) -> sqlite3.Connection:
    """Read only, beside a writer or alone; works in a directory that cannot be written, too."""
    with sqlite_faults(path):
        try:
            return _connect(path, "ro", _FIRST_LOOK)
        except sqlite3.OperationalError:
            if not path.exists() or _has_content(Path(f"{path}-wal")):
                raise
            # All rows are in the file itself, and this user cannot keep an eye on writers.
            return _connect(path, "ro&immutable=1", _FIRST_LOOK)


def _has_content(path: Path) -> bool:
    """An empty -wal file is what a reader leaves behind."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _connect(path: Path, mode: str, *statements: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=_BUSY_SECONDS,
    )
    with _closing_on_error(connection):
        for statement in statements:
            connection.execute(statement).fetchall()
    return connection


@contextmanager
def _closing_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def condition(path: Path, connection: sqlite3.Connection) -> Condition:
    """How far the making of this journal came.

    Raises InputError if the file is no journal of this version, JournalError if it is damaged.
    """
    with sqlite_faults(path):
        if not connection.execute(_FIRST_LOOK).fetchone()[0]:
            return "empty"
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise InputError("is not a journal of pcm", file=str(path), mend="move it away")
        if version != SCHEMA_VERSION:
            raise InputError(
                f"is a journal of format {version}; this pcm knows format {SCHEMA_VERSION}",
                file=str(path),
                mend="use the version of pcm that is named in run.json",
            )
        sealed = connection.execute("SELECT value FROM meta WHERE name = 'sealed'").fetchone()
    return "sealed" if sealed and sealed[0] else "unsealed"
