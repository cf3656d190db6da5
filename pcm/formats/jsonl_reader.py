"""Reading items from JSON lines, checked line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pcm.errors import InputError
from pcm.formats.keys import SeenKeys
from pcm.formats.lines import json_type, objects

Kind = type | tuple[type, ...]


def read_jsonl(
    path: str | Path,
    key: str | None = None,
    limit: int | None = None,
    required: Mapping[str, Kind] | None = None,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, object) for every line, or the first ``limit`` of them; a stream.

    ``key`` names a field that every object must have, text or a whole number, each value once.
    ``required`` names fields that must be there, with their types (``str``, ``int``, ``float`` for
    any number, ``bool``, ``list``, ``dict``). Raises InputError with file, line, field and mend for
    the first line that is wrong; for keys that occur twice, at the end of the stream, naming both
    lines; and for a file without any line.
    """
    seen = SeenKeys()
    count = 0
    if limit is None or limit > 0:
        for line, row in objects(path):
            check_row(row, str(path), line, key, required or {})
            if key is not None:
                seen.add(line, row[key])
            yield line, row
            count += 1
            if count == limit:
                break
        if not count:
            raise InputError("holds no lines", file=str(path), mend="write one object per line")
    for first, second in seen.duplicates(1):
        raise InputError(
            f"the same key as in line {first}",
            file=str(path),
            line=second,
            field=str(key),
            mend="give every line a key of its own",
        )


def check_row(
    row: Mapping[str, Any], file: str, line: int, key: str | None, required: Mapping[str, Kind]
) -> None:
    """Raises InputError for the first field that is missing or of the wrong type."""
    fields: dict[str, Kind] = {} if key is None else {key: (str, int)}
    for field, kind in (fields | dict(required)).items():
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if field not in row:
            mend = f"add {_in_words(kinds)}"
            raise InputError("is missing", file=file, line=line, field=field, mend=mend)
        if not _is_of(row[field], kinds):
            problem = f"is {json_type(row[field])}"
            mend = f"give {_in_words(kinds)}"
            raise InputError(problem, file=file, line=line, field=field, mend=mend)


def _is_of(value: object, kinds: tuple[type, ...]) -> bool:
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, kinds) or (float in kinds and isinstance(value, int))


def _in_words(kinds: tuple[type, ...]) -> str:
    return " or ".join(json_type(kind()) for kind in kinds)
