"""Notes on files that were verified, so that using one again takes a look and no hash.

A note also tells, by its own time, when the file was used last.
"""

from __future__ import annotations

import contextlib
import os

import msgspec


class Note(msgspec.Struct, frozen=True, array_like=True):
    """The state of a file when its content was found to be right."""

    size_bytes: int
    modified_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Note:
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


_decoder = msgspec.json.Decoder(Note)


def read(path: str) -> Note | None:
    """None if there is none that can be read."""
    try:
        with open(path, "rb") as file:
            return _decoder.decode(file.read())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def write(path: str, note: Note) -> None:
    """Whole or not at all. Raises OSError."""
    draft = f"{path}.{os.getpid()}"
    with open(draft, "wb", opener=_private) as file:
        file.write(msgspec.json.encode(note))
    os.replace(draft, path)


def used(path: str) -> None:
    """The file is used now."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
