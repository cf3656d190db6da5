"""Pages of a run's event log, the last entries first, with filters.

Read by readers of their own: call it in a thread. A page looks at so many entries at most; where
few of them match it is short, and says from where to go on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import msgspec

from pcm.core.commands import Ranges
from pcm.dashboard.questions import EventsQuestion
from pcm.dashboard.views import EventRow, EventsPage
from pcm.journal import JournalReader, LoggedEvent

CHUNK_ENTRIES = 2_000
LOOKED_AT = 40_000

Told = Callable[[LoggedEvent], EventRow]


class _Sent(msgspec.Struct, frozen=True):
    """As much of a Dispatch as tells where an item went."""

    batch: int
    ranges: Ranges


def events_page(
    directory: Path,
    question: EventsQuestion,
    last_seq: int,
    told: Told,
    workers_batches: Collection[int],
) -> EventsPage:
    """Of the log up to an entry. ``told`` makes a row of an entry, ``workers_batches`` are
    those of the worker that was asked for. Raises InputError, JournalError."""
    with JournalReader(directory) as reader:
        looked = _Looking(reader, question, told, workers_batches)
        floor = max(0, question.after or 0)
        before = last_seq + 1 if question.before is None else min(question.before, last_seq + 1)
        rows: list[EventRow] = []
        budget = LOOKED_AT
        while before > floor + 1 and budget > 0:
            start = max(floor, before - 1 - CHUNK_ENTRIES)
            found: list[EventRow] = []
            for entry in reader.events(after=start, kinds=looked.kinds):
                if entry.seq >= before:
                    break
                row = looked.row(entry)
                if row is not None:
                    found.append(row)
            rows += reversed(found)
            if len(rows) >= question.limit:
                rows = rows[: question.limit]
                before = rows[-1].seq
                break
            budget -= before - 1 - start
            before = start + 1
        return EventsPage(rows=rows, before=before if before > floor + 1 else None)


class _Looking:
    """For what was asked."""

    def __init__(
        self,
        reader: JournalReader,
        question: EventsQuestion,
        told: Told,
        workers_batches: Collection[int],
    ) -> None:
        self.kinds = [kind.strip() for kind in question.kinds.split(",") if kind.strip()] or None
        self._told = told
        self._question = question
        self._search = question.search.casefold()
        self._workers_batches = workers_batches
        self._item, self._items_batches = _trail(reader, question.item)

    def row(self, entry: LoggedEvent) -> EventRow | None:
        """None for an entry that does not match."""
        asked = self._question
        row = self._told(entry)
        if asked.worker and row.worker != asked.worker and row.batch not in self._workers_batches:
            return None
        if asked.batch is not None and row.batch != asked.batch:
            return None
        if asked.item and row.batch not in self._items_batches and not self._names_item(row):
            return None
        if self._search and not self._is_in(row, entry):
            return None
        return row

    def _names_item(self, row: EventRow) -> bool:
        return self._item is not None and row.body.get("item") == self._item

    def _is_in(self, row: EventRow, entry: LoggedEvent) -> bool:
        return (
            self._search in row.text.casefold()
            or self._search in entry.kind.casefold()
            or self._search in entry.body.decode(errors="replace").casefold()
        )


def _trail(reader: JournalReader, key: str) -> tuple[int | None, set[int]]:
    """The number of the item with a key, or of that number, and the batches that it was sent in."""
    if not key:
        return None, set()
    item = reader.item_of(msgspec.json.encode(key).decode())
    if item is None and key.isdecimal():
        item = reader.item_of(key)
        item = int(key) if item is None else item
    batches: set[int] = set()
    if item is None:
        return None, batches
    for entry in reader.events(kinds=["Dispatch"]):
        try:
            sent = msgspec.json.decode(entry.body, type=_Sent)
        except msgspec.MsgspecError:
            continue
        if any(start <= item < stop for start, stop in sent.ranges):
            batches.add(sent.batch)
    return item, batches
