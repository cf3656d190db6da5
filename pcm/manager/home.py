"""Where a manager with glideins lives: what must be the same when it comes again.

Glideins in a queue know their manager by its address and password, and are known by its id. A
manager that was killed finds them again from the same directory, and they find it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import time
from pathlib import Path

from pcm.errors import InputError
from pcm.formats.atomic import atomic_file

ID_FILE, PORT_FILE, PASSWORD_FILE, LOCK_FILE = "id", "port", "password", "lock"
GLIDEINS_FOLDER = "glideins"


class Home:
    """A directory that one manager at a time has, and that only this user can read."""

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        """None: a new one in the user's state directory. The schedd of this machine must see it:
        its jobs' files and logs lie there. Raises InputError if it cannot be used, or another
        manager has it."""
        self.path = _new() if path is None else Path(path).expanduser().absolute()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(
                self.path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be used ({error.strerror})",
                field="home",
                mend="name a directory of your own on a disk of this machine",
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise InputError(
                f"a manager is at work in {self.path} already",
                field="home",
                mend="wait for it, end it, or name another directory",
            ) from error
        self.id = self._once(ID_FILE, secrets.token_hex(8))
        self._once(PASSWORD_FILE, secrets.token_hex(32))
        self.password_file = self.path / PASSWORD_FILE
        self.glideins = self.path / GLIDEINS_FOLDER

    @property
    def port(self) -> int:
        """That of the manager who was here last; 0 if there was none."""
        text = self._read(PORT_FILE)
        return int(text) if text.isdigit() else 0

    def keep_port(self, port: int) -> None:
        self._write(PORT_FILE, str(port))

    def close(self) -> None:
        """Another manager may have it."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _once(self, name: str, text: str) -> str:
        present = self._read(name)
        if not present:
            self._write(name, text)
        return present or text

    def _read(self, name: str) -> str:
        try:
            return (self.path / name).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def _write(self, name: str, text: str) -> None:
        with atomic_file(self.path / name) as file:
            file.write(text.encode() + b"\n")


def _new() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or os.path.join("~", ".local", "state")
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{socket.gethostname()}-{os.getpid()}"
    return Path(os.path.expanduser(state)) / "pcm" / "managers" / name
