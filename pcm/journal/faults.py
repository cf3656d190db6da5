"""SQLite's errors in the words of pcm: what happened to which file, and how to mend it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcm.errors import JournalError

_RESUMABLE = "what was committed is kept, and the run can be resumed"
_MENDS = {
    "SQLITE_FULL": f"free some space on that disk; {_RESUMABLE}",
    "SQLITE_IOERR": f"check the disk and its quota; {_RESUMABLE}",
    "SQLITE_READONLY": "make the directory and its files writable for this user",
    "SQLITE_CANTOPEN": "check that the directory exists and that this user may read and write it",
    "SQLITE_CORRUPT": "the file is damaged: copy it away, then recover it with `sqlite3 .recover`",
    "SQLITE_NOTADB": "the file is damaged or is no journal: move it away",
    "SQLITE_BUSY": "another program holds the file open for writing; end it",
    "SQLITE_PERM": "make the file readable for this user",
}


def journal_error(path: Path, error: sqlite3.Error) -> JournalError:
    """The journal's path, SQLite's cause, and the mend for that class of cause."""
    name = str(getattr(error, "sqlite_errorname", ""))
    mend = next((text for prefix, text in _MENDS.items() if name.startswith(prefix)), _RESUMABLE)
    return JournalError(f"{path}: {error}{f' ({name})' if name else ''}; {mend}")


@contextmanager
def sqlite_faults(path: Path) -> Iterator[None]:
    """Turn faults of the disk or the file into JournalError; those of the caller pass."""
    try:
        yield
    except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
        raise
    except sqlite3.Error as error:
        raise journal_error(path, error) from error
