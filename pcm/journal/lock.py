"""One manager per run directory: an advisory lock on ``DIR/lock``.

``flock`` is bound to the open file, so the system lets go of it when the owner dies, however it
dies; a file that is left behind means nothing. Its text names the owner, for people and for errors.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path

import msgspec

from pcm.errors import InputError, JournalError, RunInUseError

LOCK_FILE = "lock"
_ATTEMPTS = 5
_PAUSE_SECONDS = 0.02


class Owner(msgspec.Struct, frozen=True):
    """Who works on a run directory. ``since``: unix seconds."""

    pid: int
    host: str
    since: float


class RunLock:
    """Held from ``acquire`` to ``release``, or to the death of this process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, directory: Path) -> RunLock:
        """Raises RunInUseError if a live manager holds it, JournalError if it cannot be made."""
        path = directory / LOCK_FILE
        for attempt in range(_ATTEMPTS):
            if attempt:
                # Whoever only looks at the lock (``owner``) holds it for an instant.
                time.sleep(_PAUSE_SECONDS)
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise JournalError(
                    f"{path}: {error.strerror}; make the directory writable for this user"
                ) from error
            if _try_lock(descriptor, fcntl.LOCK_EX) and _same_file(path, descriptor):
                me = Owner(os.getpid(), socket.gethostname(), time.time())
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, msgspec.json.encode(me), 0)
                return cls(path, descriptor)
            holder = _read_owner(descriptor)
            os.close(descriptor)
        raise RunInUseError(
            "another manager works on this run"
            + (f": pid {holder.pid} on host {holder.host}" if holder else ""),
            file=str(directory),
            mend="wait for it or end it, or give another directory",
        )

    def release(self) -> None:
        """Safe to call twice."""
        if self._descriptor is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None


def owner(directory: str | Path) -> Owner | None:
    """The manager that works on a run directory now, or None. Raises InputError if unreadable."""
    path = Path(directory) / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", file=str(path)) from error
    try:
        return None if _try_lock(descriptor, fcntl.LOCK_SH) else _read_owner(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _same_file(path: Path, descriptor: int) -> bool:
    """False if the owner before us removed the file between our open and our lock."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _read_owner(descriptor: int) -> Owner | None:
    try:
        return msgspec.json.decode(os.pread(descriptor, 4096, 0), type=Owner)
    except (OSError, msgspec.MsgspecError):
        return None
