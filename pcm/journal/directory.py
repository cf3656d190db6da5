"""A run's directory while a manager has it: locked, and cleared of unfinished beginnings."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Self

from pcm.errors import InputError
from pcm.journal.lock import RunLock
from pcm.journal.manifest import MANIFEST_FILE
from pcm.journal.parts import parts_of
from pcm.journal.schema import JOURNAL_FILE, Condition, condition, open_reader

CARGO_FILE = "cargo.msgpack"
"""The packed task and context, beside the journal; the manager writes and reads it."""

_FILES = (JOURNAL_FILE, f"{JOURNAL_FILE}-wal", f"{JOURNAL_FILE}-shm", MANIFEST_FILE, CARGO_FILE)


def condition_of(directory: Path) -> Condition | None:
    """How far the journal in a directory is; None if there is none.

    Raises JournalError if it is damaged (it may hold results that can be saved), InputError if it
    is something else.
    """
    path = directory / JOURNAL_FILE
    try:
        if not path.stat().st_size:
            return "empty"
    except (FileNotFoundError, NotADirectoryError):
        return None
    connection = open_reader(path)
    try:
        return condition(path, connection)
    finally:
        connection.close()


class RunDirectory:
    """Locked from ``make`` or ``enter`` to ``leave``."""

    def __init__(self, path: Path, lock: RunLock, *, made: bool) -> None:
        self.path = path
        self.journal = path / JOURNAL_FILE
        self._lock = lock
        self._made = made

    @classmethod
    def make(cls, path: Path) -> Self:
        """Make the directory (mode 0700) if need be. Raises InputError, RunInUseError."""
        made = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_dir():
                path.mkdir(mode=0o700)
                made = True
        except OSError as error:
            raise InputError(
                f"the run directory cannot be made ({error.strerror})",
                file=str(path),
                mend="give a directory in which this user may write",
            ) from error
        return cls(path, RunLock.acquire(path), made=made)

    @classmethod
    def enter(cls, path: Path) -> Self:
        """Raises InputError if there is no such directory, RunInUseError."""
        if not path.is_dir():
            raise InputError("is not a directory", file=str(path), mend="check the path")
        return cls(path, RunLock.acquire(path), made=False)

    def condition(self) -> Condition | None:
        return condition_of(self.path)

    def remove_files(self) -> None:
        for name in _FILES:
            (self.path / name).unlink(missing_ok=True)
        for part in parts_of(self.path):
            part.path.unlink(missing_ok=True)

    def leave(self, *, remove: bool = False) -> None:
        """Let go of the lock; with ``remove``, also of a directory that we made, if it is empty."""
        self._lock.release()
        if remove and self._made:
            with suppress(OSError):
                self.path.rmdir()
