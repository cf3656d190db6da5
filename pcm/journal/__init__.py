"""The journal of a run: one SQLite file that decides what has been done."""

from __future__ import annotations

from pcm.journal.directory import CARGO_FILE
from pcm.journal.journal import Journal
from pcm.journal.lock import Owner, owner
from pcm.journal.manifest import MANIFEST_FORMAT, Manifest, changes
from pcm.journal.reader import JournalReader, is_run
from pcm.journal.records import (
    Attempt,
    Counts,
    Durability,
    Item,
    LoggedEvent,
    Outcome,
    RunStatus,
    StoredRow,
)

__all__ = [
    "CARGO_FILE",
    "MANIFEST_FORMAT",
    "Attempt",
    "Counts",
    "Durability",
    "Item",
    "Journal",
    "JournalReader",
    "LoggedEvent",
    "Manifest",
    "Outcome",
    "Owner",
    "RunStatus",
    "StoredRow",
    "changes",
    "is_run",
    "owner",
]
