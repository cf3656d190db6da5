"""The items of a run that were given up, page by page, the last first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pcm.journal.reader import JournalReader
from pcm.journal.records import VERDICTS, StoredRow

PAGE_ROWS = 500

_COLUMNS = (
    "r.seq, r.item, i.key, r.verdict, r.value, r.error, r.worker, r.kind, r.batch, "
    "r.attempt, r.seconds, r.at"
)
# By the index of the failed ones: a run may have very many results that succeeded.
_AMONG = (
    "FROM results r INDEXED BY failed_results JOIN items i USING (item) "
    "WHERE r.verdict != 0 AND r.at <= ? AND (? = 0 OR r.verdict = ?) "
)


class FailureReader(JournalReader):
    """A reader of the rows of failed and quarantined items, as they stood at a moment."""

    def failure_count(self, until: float, verdict: Literal["", "failed", "quarantined"]) -> int:
        """How many were given up until then (unix seconds); "" is both."""
        wanted = VERDICTS.index(verdict) if verdict else 0
        rows = self._all(f"SELECT count(*) {_AMONG}", (until, wanted, wanted))
        return int(rows[0][0])

    def failures(
        self, until: float, verdict: Literal["", "failed", "quarantined"], offset: int = 0
    ) -> Iterator[StoredRow]:
        """The rows of those, the last first, without so many of them."""
        wanted = VERDICTS.index(verdict) if verdict else 0
        query = f"SELECT {_COLUMNS} {_AMONG} AND r.seq < ? ORDER BY r.seq DESC LIMIT ? OFFSET ?"
        before = 1 << 62
        while page := self._all(query, (until, wanted, wanted, before, PAGE_ROWS, offset)):
            for row in page:
                yield StoredRow._make((*row[:3], VERDICTS[row[3]], *row[4:]))
            before, offset = page[-1][0], 0
