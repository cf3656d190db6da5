"""The writer of a run's journal. A result is committed here before anything else learns of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import msgspec

from pcm.errors import InputError, JournalError
from pcm.journal import items as stored_items
from pcm.journal import meta, verdicts
from pcm.journal.directory import RunDirectory
from pcm.journal.faults import sqlite_faults
from pcm.journal.manifest import Manifest, write_manifest
from pcm.journal.records import Durability, Item, Outcome, State
from pcm.journal.rotation import EVENTS_LIMIT, Rotation
from pcm.journal.schema import condition, create_file, open_writer
from pcm.journal.transactions import Transactions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Journal:
    """One run's journal, opened for writing; at most one at a time per directory.

    Used by one thread at a time, any thread. Writes gather in a transaction that ``commit`` ends;
    ``add_items``, ``seal``, ``forget_failures`` and ``finish`` commit by themselves. After a write
    failed, all later ones raise, so that nothing is reported on top of what was lost; what was
    committed before stays. Every method raises JournalError for a full disk or a damaged file.
    """

    def __init__(
        self,
        place: RunDirectory,
        connection: sqlite3.Connection,
        manifest: Manifest,
        durability: Durability,
        events_limit: int,
    ) -> None:
        """Not for callers: see ``create`` and ``open``."""
        self._place = place
        self._connection = connection
        self._transactions = Transactions(place.journal, connection, durability)
        self.manifest = manifest
        with self._reading():
            (last,) = connection.execute("SELECT max(item) FROM items").fetchone()
            self._sealed = bool(meta.get(connection, "sealed", 0))
            self._rotation = Rotation(place.path, connection, events_limit=events_limit)
        self.item_count: int = 0 if last is None else last + 1
        self._digest = bytes.fromhex(manifest.items_digest)

    # -- opening and closing ---------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        directory: str | Path,
        manifest: Manifest,
        *,
        durability: Durability = "process",
        events_limit: int = EVENTS_LIMIT,
    ) -> Self:
        """A new journal, locked; an unfinished beginning of one is thrown away first.

        ``events_limit``: of its event log's entries, how many it keeps itself.

        Raises InputError if the directory holds a run already or cannot be made, RunInUseError.
        """
        place = RunDirectory.make(Path(directory))
        connection = None
        try:
            if place.condition() == "sealed":
                raise InputError(
                    "holds a run already",
                    file=str(directory),
                    mend="resume it, or give another directory",
                )
            place.remove_files()
            text = msgspec.json.encode(manifest).decode()
            connection = create_file(place.journal, text)
            return cls(place, connection, manifest, durability, events_limit)
        except BaseException as error:
            if connection is not None:
                connection.close()
                place.remove_files()
            place.leave(remove=not isinstance(error, InputError))
            raise

    @classmethod
    def open(
        cls,
        directory: str | Path,
        *,
        durability: Durability = "process",
        events_limit: int = EVENTS_LIMIT,
    ) -> Self:
        """Take up a run. Raises InputError if there is none, RunInUseError, JournalError."""
        place = RunDirectory.enter(Path(directory))
        connection = None
        try:
            if not place.journal.is_file():
                raise InputError("holds no run", file=str(directory), mend="check the path")
            connection = open_writer(place.journal)
            if condition(place.journal, connection) != "sealed":
                raise InputError(
                    "holds a run that was never completely written",
                    file=str(directory),
                    mend="start it again by its script",
                )
            with sqlite_faults(place.journal):
                manifest = meta.get_manifest(connection)
                meta.put_status(connection, "open", "", None)
            return cls(place, connection, manifest, durability, events_limit)
        except BaseException:
            if connection is not None:
                connection.close()
            place.leave()
            raise

    def close(self) -> None:
        """Commit what is left if that is possible, and let go of the lock. Safe to call twice."""
        with suppress(JournalError, sqlite3.ProgrammingError):  # The second time it is closed.
            self.commit()
        with suppress(sqlite3.Error):
            self._connection.close()
        self._place.leave()

    def discard(self) -> None:
        """Close and remove what ``create`` made: for a run whose items could not be taken in."""
        with suppress(sqlite3.Error):
            self._connection.close()
        self._place.remove_files()
        self._place.leave(remove=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -- items -----------------------------------------------------------------------------------

    def add_items(self, items: Iterable[Item], first_line: int | None = None) -> int:
        """Append items from a stream; returns how many. What the stream raises passes through.

        Raises InputError for a key that occurs twice, naming both positions: items counted from 0,
        or lines of a file if ``first_line`` is the line of item 0. The chunks before stay: discard
        the journal then.
        """
        self.commit()
        before = self.item_count
        with self._transactions.bulk() if not before else nullcontext():
            for chunk in stored_items.chunks(items):
                with self._transactions.writing():
                    stored_items.insert(self._connection, chunk, self.item_count, first_line)
                self.commit()
                self._digest = stored_items.digest_items(self._digest, chunk)
                self.item_count += len(chunk)
        if not before:
            with self._transactions.writing():
                stored_items.index_keys(self._connection, first_line)
            self.commit()
        return self.item_count - before

    def seal(self) -> None:
        """All items are in: from now on this is a run that can be resumed."""
        self.amend(
            msgspec.structs.replace(
                self.manifest, items=self.item_count, items_digest=self._digest.hex()
            )
        )
        with self._transactions.writing():
            meta.put(self._connection, "sealed", 1)
        self._transactions.commit(flush=True)
        self._sealed = True

    def amend(self, manifest: Manifest) -> None:
        """The run's description from now on. Commits."""
        write_manifest(self._place.path, manifest)
        with self._transactions.writing():
            meta.put_manifest(self._connection, manifest)
        self._transactions.commit()
        self.manifest = manifest

    def check_items(self, items: Iterable[Item]) -> list[str]:
        """The first difference between these items and the stored ones, by number and key."""
        with self._reading():
            return stored_items.differences(self._connection, items, self.item_count)

    def costs(self) -> NDArray[np.float64]:
        """Shape (items,)."""
        import numpy as np

        with self._reading():
            rows = self._connection.execute("SELECT cost FROM items ORDER BY item")
            return np.fromiter((cost for (cost,) in rows), np.float64, self.item_count)

    def finished(self) -> NDArray[np.bool_]:
        """Shape (items,): which have a final row, good or bad."""
        import numpy as np

        done = np.zeros(self.item_count, np.bool_)
        with self._reading():
            rows = self._connection.execute("SELECT item FROM results")
            done[np.fromiter((item for (item,) in rows), np.int64)] = True
        return done

    def failed_items(self) -> list[int]:
        """Items whose final row is a failure, ascending."""
        with self._reading():
            rows = self._connection.execute(
                "SELECT item FROM results WHERE verdict != 0 ORDER BY item"
            )
            return [item for (item,) in rows]

    def payloads(self, ranges: Iterable[tuple[int, int]]) -> list[bytes]:
        """Contents of the items in half-open ranges, in the order of the ranges."""
        found: list[bytes] = []
        with self._reading():
            for start, stop in ranges:
                rows = self._connection.execute(
                    "SELECT payload FROM items WHERE item >= ? AND item < ? ORDER BY item",
                    (start, stop),
                )
                found.extend(payload for (payload,) in rows)
        return found

    # -- outcomes --------------------------------------------------------------------------------

    def record(self, outcomes: Sequence[Outcome]) -> int:
        """Successes become final rows, failures attempts. Returns how many rows are new; successes
        for items that had a row already change nothing and are counted as duplicates."""
        successes = [outcome for outcome in outcomes if outcome.error is None]
        with self._transactions.writing():
            new = verdicts.keep_successes(self._connection, successes)
            if new < len(successes):
                meta.add_duplicates(self._connection, len(successes) - new)
            if len(successes) < len(outcomes):
                failures = [outcome for outcome in outcomes if outcome.error is not None]
                verdicts.keep_failures(self._connection, failures)
        return new

    def give_up(
        self,
        item: int,
        kind: Literal["failed", "quarantined"],
        history: Sequence[str],
        at: float,
    ) -> bool:
        """A final failed row with the last attempt's error, or with the history (a line each) if it
        is quarantined or has no attempt. False if the item had a final row already."""
        with self._transactions.writing():
            return verdicts.give_up(self._connection, item, kind, history, at)

    def forget_failures(self) -> list[int]:
        """Failed items become open again; their attempts are kept. Returns which, ascending.

        Also while the run is worked on: numbers of rows only grow, and the later row of such an
        item has a number of its own.
        """
        items = self.failed_items()
        with self._transactions.writing():
            self._connection.execute("DELETE FROM results WHERE verdict != 0")
        self.commit()
        return items

    def log(self, entries: Iterable[tuple[float, str, bytes]]) -> None:
        """Append (unix seconds, kind, JSON) to the event log, which is bounded (see
        ``pcm.journal.rotation``)."""
        rows = [(at, kind, body.decode()) for at, kind, body in entries]
        with self._transactions.writing():
            self._connection.executemany(
                "INSERT INTO events (at, kind, json) VALUES (?, ?, ?)", rows
            )
            self._rotation.added(len(rows))

    # -- transactions ----------------------------------------------------------------------------

    def commit(self) -> None:
        """Make everything since the last commit durable, all or nothing (see ``Durability``)."""
        self._transactions.commit()

    def finish(self, outcome: State, error: str, at: float) -> None:
        """The run has ended for now; ``open`` takes it up again. Commits."""
        if self._sealed and self.manifest.items != self.item_count:
            self.seal()
        with self._transactions.writing():
            meta.put_status(self._connection, outcome, error, at)
        self._transactions.commit(flush=True)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with sqlite_faults(self._place.journal):
            yield
