"""Locks between the workers of one host, which a process loses when it ends, however it ends."""

from __future__ import annotations

import fcntl
import os


class Lock:
    """flock(2) on a file that is made for it. Never waits."""

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def shared(self) -> bool:
        """Whether it is ours now, as a user among others."""
        return self._lock(fcntl.LOCK_SH)

    def exclusive(self) -> bool:
        """Whether it is ours alone now. If not, what we had of it is lost."""
        return self._lock(fcntl.LOCK_EX)

    def close(self) -> None:
        """Let it go."""
        os.close(self._descriptor)

    def _lock(self, kind: int) -> bool:
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
