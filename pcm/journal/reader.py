"""The reader of a run's journal: while a manager works on it, after it ended, after it crashed."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pcm.errors import InputError
from pcm.journal import meta
from pcm.journal.directory import condition_of
from pcm.journal.faults import sqlite_faults
from pcm.journal.manifest import Manifest
from pcm.journal.parts import parts_of, read_parts
from pcm.journal.records import VERDICTS, Attempt, Counts, LoggedEvent, RunStatus, StoredRow
from pcm.journal.schema import JOURNAL_FILE, open_reader

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PAGE_ROWS = 1000

_ROWS = (
    "SELECT r.seq, r.item, i.key, r.verdict, r.value, r.error, r.worker, r.kind, r.batch, "
    "r.attempt, r.seconds, r.at FROM results r JOIN items i USING (item) "
)


def is_run(directory: str | Path) -> bool:
    """Whether the directory holds a run, all of whose items were taken in.

    Raises JournalError if its journal is damaged, InputError if that is another kind of file.
    """
    return condition_of(Path(directory)) == "sealed"


class JournalReader:
    """Reads only committed rows and takes no lock. For one thread at a time, any thread.

    Long readings go page by page, so that they never hold back the writer's file from shrinking.
    Raises InputError if the directory holds no run, JournalError if the journal is damaged.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self._path = self.directory / JOURNAL_FILE
        if condition_of(self.directory) in (None, "empty"):
            raise InputError("holds no run", file=str(directory), mend="check the path")
        self._connection: sqlite3.Connection = open_reader(self._path)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def manifest(self) -> Manifest:
        with sqlite_faults(self._path):
            return meta.get_manifest(self._connection)

    @property
    def status(self) -> RunStatus:
        with sqlite_faults(self._path):
            return meta.get_status(self._connection)

    def counts(self) -> Counts:
        items = self._one("SELECT coalesce(max(item) + 1, 0) FROM items")
        finished = self._one("SELECT count(*) FROM results")
        bad = dict(
            self._all("SELECT verdict, count(*) FROM results WHERE verdict != 0 GROUP BY verdict")
        )
        with sqlite_faults(self._path):
            duplicates = meta.get(self._connection, "duplicates", 0)
        return Counts(
            items=items,
            finished=finished,
            succeeded=finished - sum(bad.values()),
            failed=bad.get(VERDICTS.index("failed"), 0),
            quarantined=bad.get(VERDICTS.index("quarantined"), 0),
            duplicates=duplicates,
            failed_attempts=self._one("SELECT count(*) FROM attempts"),
        )

    def costs(self) -> NDArray[np.float64]:
        """What the run was told of its items' work, shape (items,)."""
        import numpy as np

        with sqlite_faults(self._path):
            rows = self._connection.execute("SELECT cost FROM items ORDER BY item")
            return np.fromiter((cost for (cost,) in rows), np.float64)

    def rows(self, after: int = 0, limit: int = PAGE_ROWS) -> list[StoredRow]:
        """Final rows in the order of finishing, from the first whose ``seq`` is above ``after``."""
        return _stored(self._all(_ROWS + "WHERE r.seq > ? ORDER BY r.seq LIMIT ?", (after, limit)))

    def last_times(self, limit: int = PAGE_ROWS) -> list[float]:
        """When the last final rows came (unix seconds), in the order of finishing."""
        times = self._all("SELECT at FROM results ORDER BY seq DESC LIMIT ?", (limit,))
        return [at for (at,) in reversed(times)]

    def rows_in_order(self) -> Iterator[StoredRow]:
        """Final rows in the order of the items."""
        after = -1
        while page := self._all(
            _ROWS + "WHERE r.item > ? ORDER BY r.item LIMIT ?", (after, PAGE_ROWS)
        ):
            rows = _stored(page)
            yield from rows
            after = rows[-1].item

    def timings(self) -> Iterator[tuple[int, str, int, float, float]]:
        """Of items that were not quarantined, in the order of finishing: number, worker, batch,
        seconds in the task, and when the result came (unix seconds)."""
        after = 0
        while page := self._all(
            "SELECT seq, item, worker, batch, seconds, at FROM results "
            "WHERE seq > ? AND verdict != 2 ORDER BY seq LIMIT ?",
            (after, PAGE_ROWS),
        ):
            for _, *timing in page:
                yield tuple(timing)
            after = page[-1][0]

    def slowest(self, count: int = 10) -> list[StoredRow]:
        """The final rows whose items took longest in their task."""
        return _stored(
            self._all(
                _ROWS + "WHERE r.seq IN (SELECT seq FROM results ORDER BY seconds DESC LIMIT ?) "
                "ORDER BY r.seconds DESC, r.item",
                (count,),
            )
        )

    def attempts(self, item: int) -> list[Attempt]:
        """Failed attempts at an item, in order."""
        return [
            Attempt(*row)
            for row in self._all(
                "SELECT item, attempt, batch, worker, kind, error, seconds, at FROM attempts "
                "WHERE item = ? ORDER BY id",
                (item,),
            )
        ]

    def item_of(self, key: str) -> int | None:
        """The number of the item with this key (its JSON text); None if there is none."""
        rows = self._all("SELECT item FROM items WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def events(self, after: int = 0, kinds: Iterable[str] | None = None) -> Iterator[LoggedEvent]:
        """The event log, of some kinds or all, from the first ``seq`` above ``after``, wherever its
        parts are (``pcm.journal.rotation``)."""
        wanted = None if kinds is None else list(kinds)
        among = "" if wanted is None else f"AND kind IN ({', '.join('?' * len(wanted))}) "
        query = f"SELECT seq, at, kind, json FROM events WHERE seq > ? {among}ORDER BY seq LIMIT ?"
        while True:
            page = self._all(query, (after, *(wanted or ()), PAGE_ROWS))
            # Asked afterwards: what has left the journal never comes back.
            first = self._first_event()
            if after + 1 < first:
                for entry in read_parts(self.directory, after, first):
                    if wanted is None or entry.kind in wanted:
                        yield entry
                after = first - 1
                continue
            if not page:
                return
            for seq, at, kind, body in page:
                yield LoggedEvent(seq, at, kind, body.encode())
            after = page[-1][0]

    def last_event(self, kinds: Collection[str]) -> LoggedEvent | None:
        """The last entry of some kinds among those that the journal itself has."""
        rows = self._all(
            f"SELECT seq, at, kind, json FROM events WHERE kind IN ({', '.join('?' * len(kinds))}) "
            "ORDER BY seq DESC LIMIT 1",
            tuple(kinds),
        )
        if not rows:
            return None
        ((seq, at, kind, body),) = rows
        return LoggedEvent(seq, at, kind, body.encode())

    @property
    def dropped_events(self) -> int:
        """How many of the oldest entries of the event log are gone, since there were so many."""
        # In this order: what leaves the journal in between is found among the parts.
        first = self._first_event()
        parts = parts_of(self.directory)
        return max(0, min(first, parts[0].first if parts else first) - 1)

    def _first_event(self) -> int:
        """The number of the oldest entry that the journal itself has; 1 if there is none."""
        return self._one("SELECT coalesce(min(seq), 1) FROM events")

    def _all(self, query: str, arguments: tuple[Any, ...] = ()) -> list[Any]:
        with sqlite_faults(self._path):
            return self._connection.execute(query, arguments).fetchall()

    def _one(self, query: str) -> int:
        return int(self._all(query)[0][0])


def _stored(rows: list[Any]) -> list[StoredRow]:
    return [StoredRow._make((*row[:3], VERDICTS[row[3]], *row[4:])) for row in rows]
