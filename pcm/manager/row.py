"""What a run gives back for one item."""

from __future__ import annotations

from typing import Any

import msgspec

from pcm.errors import ItemError
from pcm.journal import StoredRow
from workers.protocol import ErrorReport


class Row(msgspec.Struct, frozen=True):
    """The outcome of one item, with where it came from.

    Either ``ok`` and ``value`` (plain data: what the task gave, tuples as lists), or not ``ok`` and
    ``error``. ``seconds`` is the time the task took for this item on its worker.
    """

    key: str | int
    ok: bool
    value: Any
    error: ErrorReport | None
    worker: str
    kind: str
    attempt: int
    seconds: float

    def result(self) -> Any:
        """The value; raises ItemError with the user's traceback if the item failed."""
        if self.error is None:
            return self.value
        raise item_error(self.error)

    @classmethod
    def of(cls, stored: StoredRow) -> Row:
        return cls(
            key=msgspec.json.decode(stored.key),
            ok=stored.error is None,
            value=None if stored.value is None else msgspec.msgpack.decode(stored.value),
            error=None
            if stored.error is None
            else msgspec.msgpack.decode(stored.error, type=ErrorReport),
            worker=stored.worker,
            kind=stored.kind,
            attempt=stored.attempt,
            seconds=stored.seconds,
        )


def item_error(report: ErrorReport) -> ItemError:
    """An exception that shows the user's own traceback."""
    return ItemError(str(report), report.traceback)
