"""Small files of the kernel that are read again and again."""

from __future__ import annotations

import os

MAX_BYTES = 1 << 20


class KeptFile:
    """Stays open: reading it anew is one call. The kernel makes its content at each read from the
    beginning, for the namespaces of who opened it."""

    def __init__(self, path: str) -> None:
        """Raises OSError if it cannot be opened or read (some give EINVAL or EOPNOTSUPP only
        when they are read)."""
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.pread(self._fd, 1, 0)
        except OSError:
            self.close()
            raise

    @classmethod
    def find(cls, path: str) -> KeptFile | None:
        """None where it cannot be read."""
        try:
            return cls(path)
        except OSError:
            return None

    def read(self, limit_bytes: int = MAX_BYTES) -> bytes:
        """What it says now; nothing if it cannot be read any more."""
        try:
            return os.pread(self._fd, limit_bytes, 0)
        except OSError:
            return b""

    def number(self) -> int | None:
        """The one number that it holds, if it does."""
        try:
            return int(self.read(32))
        except ValueError:
            return None

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
