"""Items that were given up: what was raised where, and all that was tried before.

Asked of the journal anew each time, by readers of their own: call it in a thread.
"""

from __future__ import annotations

from collections.abc import Generator
from itertools import islice
from pathlib import Path

import msgspec

from pcm.dashboard.questions import ItemsQuestion
from pcm.dashboard.views import ItemAttempt, ItemRow, ItemsPage
from pcm.journal import StoredRow
from pcm.journal.failure_reader import FailureReader
from workers.protocol import ErrorReport

EXPORT_ROWS = 200


def items_page(directory: Path, question: ItemsQuestion, at: float) -> ItemsPage:
    """Those of a run until a moment (unix seconds). Raises InputError, JournalError."""
    with FailureReader(directory) as reader:
        if not question.search:
            total = reader.failure_count(at, question.verdict)
            found = list(
                islice(reader.failures(at, question.verdict, question.offset), question.limit)
            )
        else:
            total, found = _searched(reader, question, at)
        return ItemsPage(at=at, total=total, rows=[_row(reader, row) for row in found])


def exported(directory: Path, question: ItemsQuestion, at: float) -> Generator[bytes, None, None]:
    """All that match, a JSON line each, some hundreds at a time."""
    encoder = msgspec.json.Encoder()
    with FailureReader(directory) as reader:
        rows = reader.failures(at, question.verdict)
        matching = (row for row in rows if _matches(row, question.search.casefold()))
        while some := list(islice(matching, EXPORT_ROWS)):
            yield b"".join(encoder.encode(_row(reader, row)) + b"\n" for row in some)


def _searched(
    reader: FailureReader, question: ItemsQuestion, at: float
) -> tuple[int, list[StoredRow]]:
    total, found, wanted = 0, [], question.search.casefold()
    for row in reader.failures(at, question.verdict):
        if _matches(row, wanted):
            if question.offset <= total < question.offset + question.limit:
                found.append(row)
            total += 1
    return total, found


def _matches(row: StoredRow, wanted: str) -> bool:
    if not wanted or wanted in row.key.casefold():
        return True
    report = _report(row.error)
    return wanted in report.type.casefold() or wanted in report.message.casefold()


def _row(reader: FailureReader, row: StoredRow) -> ItemRow:
    report = _report(row.error)
    is_quarantined = row.verdict == "quarantined"
    return ItemRow(
        item=row.item,
        key=_plain(row.key),
        verdict="quarantined" if is_quarantined else "failed",
        at=row.at,
        worker=row.worker,
        error=report.type,
        message=report.message,
        traceback=report.traceback,
        history=report.message.splitlines() if is_quarantined else [],
        attempts=[
            ItemAttempt(
                attempt=one.attempt,
                worker=one.worker,
                kind=one.kind,
                batch=one.batch,
                at=one.at,
                seconds=one.seconds,
                error=(failure := _report(one.error)).type,
                message=failure.message,
                traceback=failure.traceback,
            )
            for one in reader.attempts(row.item)
        ],
    )


def _plain(key: str) -> str:
    """A key as its user wrote it, where it is a text."""
    found = msgspec.json.decode(key)
    return found if isinstance(found, str) else key


def _report(error: bytes | None) -> ErrorReport:
    if error is None:
        return ErrorReport("", "")
    return msgspec.msgpack.decode(error, type=ErrorReport)
