"""Why items of a run failed: their errors, alike ones together."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from pcm.journal import JournalReader
from workers.protocol import ErrorReport


class Failure(msgspec.Struct):
    """Items that failed with one error. ``traceback`` is that of the first, ``key``."""

    error: str
    verdict: str
    count: int
    key: Any
    traceback: str


def failures(reader: JournalReader) -> list[Failure]:
    """The most frequent first. Reads rows until all failed ones are found."""
    counts = reader.counts()
    wanted = counts.failed + counts.quarantined
    found: dict[tuple[str, str], Failure] = {}
    if wanted:
        for row in reader.rows_in_order():
            if row.error is None:
                continue
            report = msgspec.msgpack.decode(row.error, type=ErrorReport)
            kind = (row.verdict, str(report))
            if kind not in found:
                key = json.loads(row.key)
                found[kind] = Failure(str(report), row.verdict, 0, key, report.traceback)
            found[kind].count += 1
            wanted -= 1
            if not wanted:
                break
    return sorted(found.values(), key=lambda failure: -failure.count)
