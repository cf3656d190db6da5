"""A file that is half there: grown piece by piece, and continued after a crash."""

from __future__ import annotations

import contextlib
import hashlib
import os

from workers.protocol import StagedFile
from workers.staging.hashing import Stop, chunks, new_hash


class Part:
    """The beginning of a file. Whoever has one holds the lock that lets nobody else write it."""

    def __init__(self, path: str, file: StagedFile, stop: Stop) -> None:
        """Raises OSError. Goes on from what is there, unless that is too long."""
        self.path = path
        self._file, self._stop = file, stop
        # Unbuffered: it is written behind the back of any buffer.
        self._stream = open(path, "ab+", 0, opener=_private)  # noqa: SIM115 - see ``close``
        self._hash: hashlib.blake2b | None = None
        self._left: tuple[int, int] | None = None
        if os.fstat(self._stream.fileno()).st_size > file.size_bytes:
            self.clear()

    @property
    def have_bytes(self) -> int:
        return os.fstat(self._stream.fileno()).st_size

    @property
    def is_full(self) -> bool:
        return self.have_bytes == self._file.size_bytes

    def append(self, piece: bytes) -> None:
        """Raises OSError (the part is then as long as it got) and Stopped."""
        content = self._hashed()
        content.update(piece)
        self._hash = None  # Until all of it is in the file, the hash is of something else.
        view = memoryview(piece)
        while view:
            view = view[os.write(self._stream.fileno(), view) :]
        self._hash, self._left = content, self._state()

    def is_right(self) -> bool:
        """Whether it is the whole file. Raises OSError and Stopped."""
        return self.is_full and self._hashed().hexdigest() == self._file.digest

    def clear(self) -> None:
        """Begin anew."""
        self._stream.truncate(0)
        self._hash = None

    def sync(self) -> None:
        """Wait until it is on the disk."""
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        """What there is of it stays."""
        if not self.have_bytes:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
        self._stream.close()

    def _hashed(self) -> hashlib.blake2b:
        """Of what the file holds now: taken up as it grew, or read again if it is not as left."""
        if self._hash is None or self._left != self._state():
            content = new_hash()
            self._stream.seek(0)
            for chunk in chunks(self._stream, self._stop):
                content.update(chunk)
            self._hash, self._left = content, self._state()
        return self._hash

    def _state(self) -> tuple[int, int]:
        status = os.fstat(self._stream.fileno())
        return status.st_size, status.st_mtime_ns


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
