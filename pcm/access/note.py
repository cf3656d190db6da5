"""The note in a run's directory that tells where its manager serves a dashboard.

``dashboard``: readable by its owner only, since the token is in it. It is there as long as the
manager is; one that was killed leaves it behind.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Self

import msgspec

from pcm.access.address import Address
from pcm.errors import InputError
from pcm.formats.atomic import atomic_file

NOTE_FILE = "dashboard"


class DashboardNote(msgspec.Struct, frozen=True):
    """``machine``: its own name of itself. ``url`` has the token."""

    url: str
    host: str
    port: int
    token: str
    machine: str
    pid: int

    @classmethod
    def of(cls, address: Address, token: str) -> Self:
        """Of a dashboard that this process has served."""
        return cls(
            address.url(token),
            address.host,
            address.port,
            token,
            socket.gethostname(),
            os.getpid(),
        )

    def post(self, directory: Path) -> None:
        """Raises OSError."""
        with atomic_file(directory / NOTE_FILE) as file:
            file.write(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")

    def withdraw(self, directory: Path) -> None:
        """Remove it, if it is still ours. Raises OSError."""
        try:
            if self.read(directory) == self:
                (directory / NOTE_FILE).unlink(missing_ok=True)
        except InputError:
            pass

    @classmethod
    def read(cls, directory: Path) -> Self | None:
        """None if there is none, or it cannot be understood. Raises InputError if this user may
        not read it."""
        path = directory / NOTE_FILE
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
            return None
        except OSError as error:
            raise InputError(
                f"cannot be read ({error.strerror})",
                file=str(path),
                mend="ask the user who started the run for its address and token",
            ) from error
