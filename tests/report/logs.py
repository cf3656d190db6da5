"""Event logs for tests of the report: (seconds, event or command), as a manager writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from pcm.core.commands import Dispatch, Ranges
from pcm.core.events import Capacity, ItemsAdded, ReplicaChanged, WorkerJoined
from pcm.journal import Journal, JournalReader, LoggedEvent
from pcm.report import Accounts, account
from tests.journal.runs import items, manifest

STARTED, STOPPED = "ManagerStarted", "ManagerStopped"
BEGIN = 1_700_000_000.0

Told = tuple[float, Any]


def joined(worker: str = "w1") -> WorkerJoined:
    return WorkerJoined(worker, Capacity(kind="cpu", host="here"))


def warm(worker: str = "w1", context: str = "c") -> ReplicaChanged:
    return ReplicaChanged(worker, context, "gpu", "warm", 1.0)


def dispatch(batch: int, ranges: Ranges, worker: str = "w1", context: str = "c") -> Dispatch:
    return Dispatch(batch, "run-1", worker, context, ranges, 1, 0, 1.0)


def counted(items: int) -> dict[str, float]:
    """An array of ones, as the log has it."""
    return {"count": items, "sum": items}


def added(items: int, finished: int = 0) -> ItemsAdded:
    done = {"count": items, "sum": finished} if finished else None
    return ItemsAdded("run-1", counted(items), done)


def logged(log: Iterable[Told]) -> Iterator[LoggedEvent]:
    for seq, (at, what) in enumerate(log, 1):
        kind = what if isinstance(what, str) else type(what).__name__
        body = b"{}" if isinstance(what, str) else msgspec.json.encode(what)
        yield LoggedEvent(seq, BEGIN + at, kind, body)


def write(directory: Path, log: Iterable[Told], item_count: int = 20) -> None:
    with Journal.create(directory, manifest()) as journal:
        journal.add_items(items(item_count))
        journal.seal()
        journal.log([(entry.at, entry.kind, entry.body) for entry in logged(log)])


def accounts_of(directory: Path, log: Iterable[Told], now: float | None = None) -> Accounts:
    write(directory, log)
    with JournalReader(directory) as reader:
        return account(reader, None if now is None else BEGIN + now)
