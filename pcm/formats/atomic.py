"""Files that are complete or absent: written beside their place, flushed to disk, then renamed."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_NO_LOCKS_HERE = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``path`` (mode 0600) when the block ends without error.

    Otherwise the old file, if any, stays as it was. Raises OSError. The temporary file has a fixed
    name, so that one which a crash left behind is used again and not joined by others; a second
    writer of the same path waits for the first.
    """
    temporary = path.with_name(f".{path.name}.part")
    with _own(temporary) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    _sync_directory(path.parent)


@contextmanager
def _own(temporary: Path) -> Iterator[BinaryIO]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        descriptor = os.open(temporary, flags, 0o600)
        with open(descriptor, "wb", buffering=1 << 20) as file:
            _lock(descriptor)
            if not _is_at(descriptor, temporary):
                continue  # the writer before us has moved it to its place
            os.fchmod(descriptor, 0o600)
            os.ftruncate(descriptor, 0)
            yield file
            return


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS_HERE:
            raise


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _sync_directory(directory: Path) -> None:
    """Make the rename itself durable; some file systems cannot, and need not, do that."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
