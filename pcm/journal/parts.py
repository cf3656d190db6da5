"""Old parts of the event log, as compressed files beside the journal.

``events-FIRST.jsonl.gz`` has the entries from number FIRST on, one per line, up to the next part or
to what the journal itself still has: ``{"seq": 1, "at": 1700000000.0, "kind": "RunOpened", "body":
{...}}``. A part is complete or absent, readable by its owner only, and never changed; a manager
that was killed while it moved entries leaves them in both places, alike.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from pcm.errors import JournalError
from pcm.formats.atomic import atomic_file
from pcm.journal.records import LoggedEvent

_NAME = re.compile(r"events-(\d{12})\.jsonl\.gz")
_LEVEL = 5


class Part(NamedTuple):
    """A file whose first entry has the number ``first``."""

    first: int
    path: Path


class _Line(msgspec.Struct):
    seq: int
    at: float
    kind: str
    body: msgspec.Raw


def parts_of(directory: Path) -> list[Part]:
    """The oldest first."""
    found = [(_NAME.fullmatch(path.name), path) for path in directory.glob("events-*.jsonl.gz")]
    return sorted(Part(int(match[1]), path) for match, path in found if match)


def write_part(directory: Path, entries: Iterable[tuple[int, float, str, str]]) -> Path:
    """Of (seq, unix seconds, kind, JSON), in order and at least one. Raises OSError."""
    rows = list(entries)
    path = directory / f"events-{rows[0][0]:012d}.jsonl.gz"
    encode = msgspec.json.encode
    lines = b"\n".join(
        encode(_Line(seq, at, kind, msgspec.Raw(body.encode()))) for seq, at, kind, body in rows
    )
    with atomic_file(path) as file:
        file.write(gzip.compress(lines + b"\n", _LEVEL, mtime=0))
    return path


def read_parts(directory: Path, after: int, before: int) -> Iterator[LoggedEvent]:
    """Entries with numbers above ``after`` and below ``before``, in order, as far as there are.

    Raises JournalError for a file that is damaged.
    """
    parts = parts_of(directory)
    ends = [later.first for _, later in pairwise(parts)] + [before]
    for part, end in zip(parts, ends, strict=True):
        if end > after + 1 and part.first < before:
            for entry in _read(part.path):
                if after < entry.seq < before:
                    after = entry.seq
                    yield entry


def _read(path: Path) -> Iterator[LoggedEvent]:
    decoder = msgspec.json.Decoder(_Line)
    try:
        with gzip.open(path) as file:
            for line in file:
                one = decoder.decode(line)
                yield LoggedEvent(one.seq, one.at, one.kind, bytes(one.body))
    except FileNotFoundError:  # It was the oldest, and has just been dropped.
        return
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError) as error:
        mend = "move it away, and what is read of the run begins after it"
        raise JournalError(f"{path}: is damaged ({error}); {mend}") from error
