"""The journal's facts about its run as a whole: one row per name in the table ``meta``."""

from __future__ import annotations

import sqlite3
from typing import Any, cast

import msgspec

from pcm.journal.manifest import Manifest
from pcm.journal.records import RunStatus, State


def put(connection: sqlite3.Connection, name: str, value: str | int | float | None) -> None:
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))


def get(connection: sqlite3.Connection, name: str, default: Any = None) -> Any:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return default if row is None else row[0]


def put_manifest(connection: sqlite3.Connection, manifest: Manifest) -> None:
    put(connection, "manifest", msgspec.json.encode(manifest).decode())


def get_manifest(connection: sqlite3.Connection) -> Manifest:
    return msgspec.json.decode(get(connection, "manifest"), type=Manifest)


def put_status(
    connection: sqlite3.Connection, state: State, error: str, ended: float | None
) -> None:
    put(connection, "state", state)
    put(connection, "error", error)
    put(connection, "ended", ended)


def get_status(connection: sqlite3.Connection) -> RunStatus:
    return RunStatus(
        state=cast(State, get(connection, "state", "open")),
        sealed=bool(get(connection, "sealed", 0)),
        error=get(connection, "error", ""),
        ended=get(connection, "ended"),
    )


def add_duplicates(connection: sqlite3.Connection, count: int) -> None:
    put(connection, "duplicates", get(connection, "duplicates", 0) + count)
