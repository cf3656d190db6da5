"""Results as JSON lines, one per item, in the order of the items."""

from __future__ import annotations

from typing import Any

import msgspec

from pcm.formats.base import OpenFile, OutputFile
from pcm.formats.rows import (
    About,
    FinishedRow,
    Rows,
    error_fields,
    error_of,
    key_of,
    provenance,
    value_of,
)


class Jsonl(OutputFile, frozen=True):
    """``results.jsonl`` in the run directory, unless another path is given.

    Flat rows: ``{KEY: key, **value, "provenance": {...}}``; a value that is not a dict, or that has
    a field named ``provenance`` or like the key with another content, stands whole in ``value``.
    Failed items have ``error`` (type, message, traceback) in place of the value. With
    ``flat=False``: ``{"key", "ok", "value" | "error", "provenance"}``. Bytes become base64, and
    numbers that JSON lacks (NaN, infinities) null.
    """

    path: str = "results.jsonl"
    flat: bool = True

    def paths(self) -> list[str]:
        return [self.path]

    def write(self, rows: Rows, about: About, open_file: OpenFile) -> None:
        encoder = msgspec.json.Encoder()
        shape = flat_row if self.flat else nested_row
        file = open_file(self.path)
        for row in rows.rows_in_order():
            file.write(encoder.encode(shape(row, about)) + b"\n")


def flat_row(row: FinishedRow, about: About) -> dict[str, Any]:
    key, source = key_of(row), provenance(row, about)
    error = error_of(row)
    if error is not None:
        return {about.key_name: key, "error": error_fields(error), "provenance": source}
    value = value_of(row)
    if not isinstance(value, dict) or not _can_be_flat(value, about.key_name, key):
        return {about.key_name: key, "value": value, "provenance": source}
    return {about.key_name: key, **value, "provenance": source}


def nested_row(row: FinishedRow, about: About) -> dict[str, Any]:
    error = error_of(row)
    content = {"value": value_of(row)} if error is None else {"error": error_fields(error)}
    source = provenance(row, about)
    return {"key": key_of(row), "ok": error is None, **content, "provenance": source}


def _can_be_flat(value: dict[Any, Any], key_name: str, key: str | int) -> bool:
    """No field of the value would be hidden by, or hide, one of ours."""
    return "provenance" not in value and value.get(key_name, key) == key
