"""Results as a Parquet file, one row per item, in the order of the items."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from pcm.errors import InputError
from pcm.formats.base import OpenFile, OutputFile
from pcm.formats.jsonl import flat_row
from pcm.formats.rows import About, Rows

CHUNK_ROWS = 10_000


class Parquet(OutputFile, frozen=True):
    """The flat rows of ``Jsonl`` as columns; ``error`` and ``provenance`` are structs.

    Types are found from the data (the rows are read twice: for the types, then to be written). A
    column whose values have no common type that Parquet knows holds text, each value as JSON.
    """

    path: str = "results.parquet"

    def paths(self) -> list[str]:
        return [self.path]

    def check(self) -> None:
        if importlib.util.find_spec("pyarrow") is None:
            raise InputError(
                "Parquet needs pyarrow, which is not installed",
                file=self.path,
                mend="pip install 'pcm[parquet]'",
            )

    def write(self, rows: Rows, about: About, open_file: OpenFile) -> None:
        self.check()
        import pyarrow as pa
        from pyarrow import parquet

        types: dict[str, Any] = {}
        for chunk in _chunks(rows, about):
            for name, values in _columns(chunk).items():
                types[name] = _common_type(types.get(name, pa.null()), values)
        types = {name: kind if _storable(kind) else None for name, kind in types.items()}
        schema = pa.schema([(name, kind or pa.string()) for name, kind in types.items()])
        with parquet.ParquetWriter(open_file(self.path), schema) as writer:
            for chunk in _chunks(rows, about):
                arrays = [_array([row.get(name) for row in chunk], types[name]) for name in types]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _chunks(rows: Rows, about: About) -> Iterator[list[dict[str, Any]]]:
    flat = (
        {str(name): value for name, value in flat_row(row, about).items()}
        for row in rows.rows_in_order()
    )
    while chunk := list(islice(flat, CHUNK_ROWS)):
        yield chunk


def _columns(chunk: list[dict[str, Any]]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for row in chunk:
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return columns


def _common_type(before: Any, values: list[Any]) -> Any:
    """The type of the values and of those before; None, from then on, where there is none."""
    import pyarrow as pa

    if before is None:
        return None
    try:
        schemas = [pa.schema([("", before)]), pa.schema([("", pa.array(values).type)])]
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except (pa.ArrowException, TypeError, OverflowError):
        return None


def _storable(kind: Any) -> bool:
    """Parquet has no structs without fields."""
    import pyarrow as pa

    if kind is None:
        return False
    if pa.types.is_struct(kind):
        return kind.num_fields > 0 and all(_storable(field.type) for field in kind)
    return _storable(kind.value_type) if pa.types.is_list(kind) else True


def _array(values: list[Any], kind: Any) -> Any:
    """An array of the given type, or of JSON text where there is none."""
    import pyarrow as pa

    if kind is None:
        texts = [None if value is None else msgspec.json.encode(value).decode() for value in values]
        return pa.array(texts, type=pa.string())
    return pa.array(values, type=kind)
