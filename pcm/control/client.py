"""Asking the manager that works on a run to do something."""

from __future__ import annotations

import shlex
import socket
import time
from pathlib import Path

from pcm.control import connection, messages, note
from pcm.control.messages import Answer
from pcm.errors import InputError, PcmError
from pcm.journal import CARGO_FILE
from pcm.journal.entries import ActionKind

TIMEOUT_SECONDS = 30.0


class NoAnswerError(PcmError):
    """The manager is there and has not answered in time: nobody knows whether it will do it."""


def act(
    directory: str | Path,
    action: ActionKind,
    worker: str = "",
    *,
    by: str = "cli",
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Answer:
    """Have the manager of a run do something, and give its answer. ``worker``: for ``drain``.

    Raises InputError for what is no action, and if no manager works on the run or it cannot be
    asked from here; NoAnswerError.
    """
    where = Path(directory).absolute()
    messages.request(action, "any", worker, by)  # a bad one is bad wherever it is sent
    found = _note_of(where, action)
    asked = messages.request(action, found.run, worker, by)
    deadline = time.monotonic() + timeout_seconds
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        try:
            line.settimeout(timeout_seconds)
            line.connect(found.socket)
        except PermissionError as error:
            raise InputError(
                "its manager belongs to another user",
                file=str(where),
                mend="ask as the user who started it",
            ) from error
        except (ConnectionRefusedError, FileNotFoundError) as error:
            raise _no_manager(where, action) from error
        except OSError as error:
            raise NoAnswerError(f"{where}: its manager cannot be asked: {error}") from error
        try:
            connection.send(line, messages.line(asked), deadline)
            return messages.read_answer(connection.receive_line(line, deadline))
        except TimeoutError:
            raise NoAnswerError(
                f"{where}: the manager (process {found.pid}) has not answered within"
                f" {timeout_seconds:g} s; look whether it is stopped or very busy"
            ) from None
        except (OSError, connection.BadLineError, ValueError) as error:
            raise NoAnswerError(
                f"{where}: the manager (process {found.pid}) has not answered: {error}; it may"
                " have ended meanwhile"
            ) from error


def _note_of(directory: Path, action: ActionKind) -> note.Note:
    if not (directory / CARGO_FILE).exists():
        raise InputError("holds no run", file=str(directory), mend="give the directory of a run")
    found = note.read(directory)
    if found is None:
        raise _no_manager(directory, action)
    if found.host != socket.gethostname():
        raise InputError(
            f"its manager is on host {found.host}", file=str(directory), mend="ask it from there"
        )
    if not note.is_current(found, directory):
        raise _no_manager(directory, action)
    return found


def _no_manager(directory: Path, action: ActionKind) -> InputError:
    again = f"pcm resume {shlex.quote(str(directory))}"
    mends: dict[ActionKind, str] = {
        "retry_failed": f"try its failed items again with: {again} --retry-failed",
        "unpause": f"a pause ends with its manager; go on with: {again}",
    }
    mend = mends.get(action, f"if it is not done, go on with: {again}")
    return InputError("no manager takes requests for this run", file=str(directory), mend=mend)
