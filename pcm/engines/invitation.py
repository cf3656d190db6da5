"""How workers from outside find an engine: a note in the directory of every run that it works on.

Two files that only this user can read: ``manager.json`` says where the manager listens, and
``manager.password`` is what it and its workers know each other by. They are there as long as a
manager holds the run; one that was killed leaves them behind.
"""

from __future__ import annotations

import os
import shlex
import socket
from pathlib import Path

import msgspec

from pcm.engines.hosts import own_hosts
from pcm.errors import InputError
from pcm.formats.atomic import atomic_file

NOTE_FILE = "manager.json"
PASSWORD_FILE = "manager.password"


class Invitation(msgspec.Struct, frozen=True):
    """What a worker needs to reach an engine, besides the name of its machine."""

    port: int
    password_file: str
    ssl: bool = False

    def advice(self, directory: str | os.PathLike[str]) -> str:
        """How a person starts workers for the run in a directory; some lines."""
        here = f"pcm worker {shlex.quote(str(Path(directory).absolute()))}"
        there = f"pcm worker {own_hosts()[0]}:{self.port} --password-file FILE"
        return (
            f"workers are started with\n  {here}\n"
            f"or, where that directory is not seen, with a copy of its {PASSWORD_FILE}:\n  {there}"
        ) + (" --ssl" if self.ssl else "")


class Note(msgspec.Struct, frozen=True):
    """What ``manager.json`` says. ``hosts``: names and addresses, the most telling first."""

    hosts: tuple[str, ...]
    port: int
    ssl: bool
    host: str
    """The machine's own name of itself."""
    pid: int


def post(directory: Path, invitation: Invitation) -> None:
    """Raises OSError if the files cannot be written or the password not be read."""
    with atomic_file(directory / PASSWORD_FILE) as file:
        file.write(Path(invitation.password_file).read_bytes())
    note = Note(own_hosts(), invitation.port, invitation.ssl, socket.gethostname(), os.getpid())
    with atomic_file(directory / NOTE_FILE) as file:
        file.write(msgspec.json.format(msgspec.json.encode(note), indent=2) + b"\n")


def withdraw(directory: Path) -> None:
    """Remove what is there, if anything. Raises OSError."""
    for name in (NOTE_FILE, PASSWORD_FILE):
        (directory / name).unlink(missing_ok=True)


def read(directory: Path) -> Note | None:
    """None if no engine has left a note. Raises InputError if this user cannot read it."""
    path = directory / NOTE_FILE
    try:
        note = msgspec.json.decode(path.read_bytes(), type=Note)
        (directory / PASSWORD_FILE).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})",
            file=str(error.filename),
            mend="start the worker as the user who started the manager, or give HOST:PORT and"
            " --password-file",
        ) from error
    except msgspec.MsgspecError as error:
        raise InputError(
            f"is no note of a manager ({error})", file=str(path), mend="delete it"
        ) from error
    return note
