"""Finished rows for tests of the writers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pcm.journal import StoredRow
from workers.protocol import ErrorReport


def good(item: int, value: Any, key: str | int | None = None) -> StoredRow:
    text = msgspec.json.encode(f"k{item}" if key is None else key).decode()
    content = msgspec.msgpack.encode(value)
    return StoredRow(
        item + 1, item, text, "succeeded", content, None, "w1", "H200", 4, 1, 0.5, 1e9 + item
    )


def bad(item: int, type_name: str = "KeyError", message: str = "'x'") -> StoredRow:
    error = msgspec.msgpack.encode(ErrorReport(type_name, message, "Traceback: ..."))
    return StoredRow(
        item + 1, item, f'"k{item}"', "failed", None, error, "w2", "cpu", 5, 2, 0.25, 1e9 + item
    )


class Finished:
    """Rows as a journal would give them; ``fail_after`` breaks off as a full disk would."""

    def __init__(self, *rows: StoredRow, fail_after: int | None = None) -> None:
        self.rows = rows
        self.fail_after = fail_after

    def rows_in_order(self) -> Iterator[StoredRow]:
        for count, row in enumerate(self.rows):
            if count == self.fail_after:
                raise OSError(28, "No space left on device")
            yield row
