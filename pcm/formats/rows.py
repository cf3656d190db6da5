"""What the writers of outputs need to know of a run, and the parts that their rows share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from pcm.identity import Identity
from workers.protocol import ErrorReport

CONTEXT_DIGITS = 12
"""How much of a context's digest goes into a row."""


class FinishedRow(Protocol):
    """The final row of an item; see ``pcm.journal.StoredRow``."""

    @property
    def item(self) -> int: ...
    @property
    def key(self) -> str: ...
    @property
    def verdict(self) -> str: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def error(self) -> bytes | None: ...
    @property
    def worker(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def at(self) -> float: ...


class Rows(Protocol):
    """Where rows come from; see ``pcm.journal.JournalReader``."""

    def rows_in_order(self) -> Iterator[FinishedRow]: ...


class About(Protocol):
    """The run whose rows they are; see ``pcm.journal.Manifest``."""

    @property
    def run(self) -> str: ...
    @property
    def key_name(self) -> str: ...
    @property
    def context(self) -> Identity: ...


def key_of(row: FinishedRow) -> str | int:
    """The user's key, as it was in the item."""
    key: str | int = msgspec.json.decode(row.key)
    return key


def value_of(row: FinishedRow) -> Any:
    """Plain data: what the task gave for the item (tuples have become lists)."""
    return None if row.value is None else msgspec.msgpack.decode(row.value)


def error_of(row: FinishedRow) -> ErrorReport | None:
    if row.error is None:
        return None
    return msgspec.msgpack.decode(row.error, type=ErrorReport)


def error_fields(error: ErrorReport) -> dict[str, str]:
    return {"type": error.type, "message": error.message, "traceback": error.traceback}


def provenance(row: FinishedRow, about: About) -> dict[str, Any]:
    """Where a row comes from; ``kind`` is the worker's GPU model, or cpu."""
    return {
        "worker": row.worker,
        "kind": row.kind,
        "context": about.context.digest[:CONTEXT_DIGITS],
        "attempt": row.attempt,
        "seconds": row.seconds,
    }
