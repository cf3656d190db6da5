"""Reading an OpenAI Batch file: the whole file is checked before the first request is given out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pcm.errors import InputError
from pcm.formats.complaints import Complaints
from pcm.formats.keys import SeenKeys
from pcm.formats.lines import objects
from pcm.formats.openai_requests import Request, request_of, request_problems


def read_requests(path: str | Path, limit: int | None = None) -> Iterator[Request]:
    """The requests of a file, or the first ``limit`` of them.

    Reads the file twice: once to check it, at this call, and once as a stream. Raises InputError
    that tells up to twenty mistakes together, each with line and field.
    """
    check_requests(path)
    return _requests(path, limit)


def check_requests(path: str | Path) -> int:
    """Check a whole file; returns the number of its requests. Raises InputError."""
    name = str(path)
    complaints = Complaints(name)
    seen = SeenKeys()
    count = 0
    for line, row in objects(path, complaints.add):
        count += 1
        for field, problem, mend in request_problems(row):
            complaints.add(InputError(problem, file=name, line=line, field=field, mend=mend))
        custom_id = row.get("custom_id")
        if isinstance(custom_id, str):
            seen.add(line, custom_id)
        if complaints.are_enough:
            break
    for first, second in seen.duplicates(complaints.limit):
        problem = f"the same as in line {first}"
        mend = "give every line a custom_id of its own"
        complaints.add(InputError(problem, file=name, line=second, field="custom_id", mend=mend))
    complaints.raise_if_any()
    if not count:
        raise InputError("holds no requests", file=name, mend="write one request per line")
    return count


def _requests(path: str | Path, limit: int | None) -> Iterator[Request]:
    for count, (_, row) in enumerate(objects(path)):
        if count == limit:
            return
        yield request_of(row)
