"""Where the manager is that a worker is to serve: by its address, or by a run's directory."""

from __future__ import annotations

import os
import re
import shlex
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pcm.errors import InputError

if TYPE_CHECKING:
    from pcm.engines.invitation import Note

LOOPBACK = "127.0.0.1"
PROBE_SECONDS = 3.0
"""How long one of the manager's addresses may take to answer."""


class Whereabouts(NamedTuple):
    """``address``: HOST:PORT, or HOST;HOST:PORT for several to be tried in turn."""

    address: str
    password_file: str = ""
    ssl: bool = False


def find(manager: str, password_file: Path | None, ssl: bool) -> Whereabouts:
    """Of HOST:PORT, with what was given for it; or of a run's directory, which says all itself.

    Raises InputError.
    """
    if password_file is not None and not os.access(password_file, os.R_OK):
        raise InputError(
            f"{password_file} cannot be read",
            field="--password-file",
            mend="give the manager's, or a copy of it",
        )
    directory = Path(manager).expanduser()
    if directory.is_dir():
        found = _of_run(directory.absolute())
        own = found.password_file if password_file is None else str(password_file)
        return found._replace(password_file=own, ssl=found.ssl or ssl)
    if not re.fullmatch(r"[^:/\s]+:\d+", manager):
        raise InputError(
            f"{manager!r} is neither the directory of a run nor HOST:PORT",
            mend="check the path, or give the address that the manager told",
        )
    return Whereabouts(manager, "" if password_file is None else str(password_file), ssl)


def _of_run(directory: Path) -> Whereabouts:
    from pcm.engines import invitation
    from pcm.journal import owner

    note = invitation.read(directory)
    holder = owner(directory)
    here = note is not None and note.host == socket.gethostname()
    # A lock is not seen from another machine on every file system; on its own it is.
    if note is None or (here and (holder is None or holder.pid != note.pid)):
        raise _not_found(directory, working=holder is not None)
    hosts = (LOOPBACK, *note.hosts) if here else _answering(note, directory)
    password = str(directory / invitation.PASSWORD_FILE)
    return Whereabouts(f"{';'.join(hosts)}:{note.port}", password, note.ssl)


def _not_found(directory: Path, *, working: bool) -> InputError:
    from pcm.journal import CARGO_FILE

    file = str(directory)
    if working:
        return InputError(
            "the manager of this run takes no workers from outside",
            file=file,
            mend="start it with the taskvine engine",
        )
    if not (directory / CARGO_FILE).exists():
        return InputError("holds no run", file=file, mend="give the directory of a run")
    return InputError(
        "no manager works on this run",
        file=file,
        mend=f"start one first: pcm resume {shlex.quote(file)} --engine taskvine --listen PORT",
    )


def _answering(note: Note, directory: Path) -> tuple[str, ...]:
    """The first of the manager's names that answers from here."""
    problems = []
    for host in note.hosts:
        try:
            socket.create_connection((host, note.port), PROBE_SECONDS).close()
        except OSError as error:
            problems.append(f"{host}:{note.port}: {error}")
        else:
            return (host,)
    raise InputError(
        f"the manager (process {note.pid} on {note.host}) does not answer: {'; '.join(problems)}",
        file=str(directory),
        mend="if it is still there, a firewall may be between: open the port that it listens on",
    )
