"""Why items of a run failed: their errors, alike ones together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from pcm.durations import counted

if TYPE_CHECKING:
    from pcm.journal import JournalReader

SHOWN_CHARACTERS = 200


class Failure(msgspec.Struct):
    """Items that failed with one error. ``traceback`` is that of the first, ``key``."""

    error: str
    verdict: str
    count: int
    key: Any
    traceback: str


def failures(reader: JournalReader) -> list[Failure]:
    """The most frequent first. Reads rows until all failed ones are found."""
    from workers.protocol import ErrorReport

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


def described(failure: Failure, *, with_traceback: bool = False) -> str:
    """How many items, what was wrong, and one of them as an example."""
    first = failure.error.splitlines()[0] if failure.error else "no error is known"
    if len(first) > SHOWN_CHARACTERS:
        first = first[: SHOWN_CHARACTERS - 3] + "..."
    line = f"{counted(failure.count, 'item')} {failure.verdict} (such as {failure.key!r}): {first}"
    if not with_traceback:
        return line
    more = (failure.traceback or failure.error).rstrip().splitlines()
    if len(more) < 2:  # an exception that was yielded, not raised, has no traceback
        return line
    return "\n".join([line, *("    " + text for text in more)])
