"""How outcomes become final rows: the first result of an item wins, whatever comes later."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Literal

import msgspec

from pcm.journal.records import VERDICTS, Outcome
from workers.protocol import ErrorReport

_COLUMNS = "item, verdict, worker, kind, batch, attempt, seconds, at, value, error"
_KEEP = (
    f"INSERT INTO results ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (item) DO NOTHING"
)
_FAILED = (
    "INSERT INTO attempts (item, attempt, batch, worker, kind, seconds, at, error) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


def keep_successes(connection: sqlite3.Connection, outcomes: list[Outcome]) -> int:
    """Returns how many became rows; the others' items have one already."""
    rows = [
        (o.item, 0, o.worker, o.kind, o.batch, o.attempt, o.seconds, o.at, o.value, None)
        for o in outcomes
    ]
    return connection.executemany(_KEEP, rows).rowcount if rows else 0


def keep_failures(connection: sqlite3.Connection, outcomes: list[Outcome]) -> None:
    rows = [
        (o.item, o.attempt, o.batch, o.worker, o.kind, o.seconds, o.at, o.error) for o in outcomes
    ]
    if rows:
        connection.executemany(_FAILED, rows)


def give_up(
    connection: sqlite3.Connection,
    item: int,
    kind: Literal["failed", "quarantined"],
    history: Sequence[str],
    at: float,
) -> bool:
    """The final row of an item that failed; False if it has a final row already.

    A failed item keeps the error of its last attempt; a quarantined one gets its history.
    """
    last = connection.execute(
        "SELECT worker, kind, batch, attempt, seconds, error FROM attempts "
        "WHERE item = ? ORDER BY id DESC LIMIT 1",
        (item,),
    ).fetchone()
    worker, worker_kind, batch, attempt, seconds, error = last or ("", "", 0, 0, 0.0, None)
    if kind == "quarantined" or error is None:
        type_name = "Quarantined" if kind == "quarantined" else "Failed"
        error = msgspec.msgpack.encode(ErrorReport(type_name, "\n".join(history)))
    verdict = VERDICTS.index(kind)
    row = (item, verdict, worker, worker_kind, batch, attempt, seconds, at, None, error)
    return connection.execute(_KEEP, row).rowcount == 1
