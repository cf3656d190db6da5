"""Where the manager of a run takes requests: a note in the run's directory while it works on it.

One that was killed leaves its note behind. It is known by the run's lock, which nobody holds then,
or another manager does.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

import msgspec

from pcm.errors import InputError
from pcm.formats.atomic import atomic_file
from pcm.journal import owner

NOTE_FILE = "control"
FOLDER_PREFIX = "pcm-control-"
"""Of the private directories in which managers have their sockets."""


class Note(msgspec.Struct, frozen=True):
    """``since``: when the manager began to take requests, unix seconds. ``run``: its name for its
    sitting."""

    socket: str
    run: str
    pid: int
    host: str
    since: float


def post(directory: Path, socket_path: Path, run: str, since: float) -> None:
    """Readable by this user only. What a killed manager left is removed. Raises OSError."""
    with suppress(InputError):
        left = read(directory)
        if left is not None:
            _remove_left(left)
    note = Note(str(socket_path), run, os.getpid(), socket.gethostname(), since)
    with atomic_file(directory / NOTE_FILE) as file:
        file.write(msgspec.json.encode(note) + b"\n")


def withdraw(directory: Path) -> None:
    """Remove it if it is there. Raises OSError."""
    (directory / NOTE_FILE).unlink(missing_ok=True)


def read(directory: Path) -> Note | None:
    """None if there is none. Raises InputError if this user cannot read it, or it is none."""
    path = directory / NOTE_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Note)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})",
            file=str(path),
            mend="ask as the user who started the manager",
        ) from error
    except msgspec.MsgspecError as error:
        raise InputError(
            f"is no note of a manager ({error})", file=str(path), mend="delete it"
        ) from error


def is_current(note: Note, directory: Path) -> bool:
    """Whether the manager that wrote it works on the run, as far as this machine can tell."""
    holder = owner(directory)
    return holder is not None and (holder.pid, holder.host) == (note.pid, note.host)


def can_act(directory: str | Path) -> bool:
    """Whether a manager of this user, on this machine, works on the run and takes requests."""
    where = Path(directory)
    try:
        note = read(where)
        return note is not None and note.host == socket.gethostname() and is_current(note, where)
    except InputError:
        return False


def _remove_left(note: Note) -> None:
    """The socket of a manager that is gone, if it is where managers have theirs."""
    path = Path(note.socket)
    if note.host != socket.gethostname() or not path.parent.name.startswith(FOLDER_PREFIX):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, suppress(OSError):
        probe.setblocking(False)
        try:
            probe.connect(note.socket)
        except ConnectionRefusedError:
            path.unlink()
            path.parent.rmdir()
