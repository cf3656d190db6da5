"""Telemetry from beside the workers: agents and observers, on hosts or data processing units."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from pcm.errors import InputError
from pcm.manager.loop import Loop
from pcm.telemetry.endpoint import Endpoint
from workers.protocol import Telemetry

LOOPBACK = "127.0.0.1"


def endpoint_of(
    loop: Loop, listen: str | int | None, password_file: str | Path | None
) -> Endpoint | None:
    """At a port of this machine's own, or at ``"ADDRESS:PORT"`` (0 is any free port); None if none
    is asked for. It has yet to be started.

    The password is that of the file, which is made, readable by its owner only, if it is not
    there. Raises InputError.
    """
    if listen is None:
        return None
    if password_file is None:
        mend = "give telemetry_password_file; it is made if it is not there"
        raise InputError("goes with a password", field="telemetry_listen", mend=mend)
    host, port = _address(listen)

    def take(worker: str, telemetry: Telemetry, _: float) -> None:
        loop.call(lambda: loop.heed(worker, telemetry))

    return Endpoint(_password(Path(password_file).expanduser()), take, host=host, port=port)


def _address(listen: str | int) -> tuple[str, int]:
    host, _, port = str(listen).rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        mend = "give a port, or ADDRESS:PORT"
        raise InputError(f"{listen!r} is no address", field="telemetry_listen", mend=mend)
    return host or LOOPBACK, int(port)


def _password(path: Path) -> bytes:
    def refusal(problem: str, mend: str) -> InputError:
        field = "telemetry_password_file"
        return InputError(problem, file=str(path), field=field, mend=mend)

    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
    except FileExistsError:
        pass
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise refusal(problem, "give a place where you may write") from None
    try:
        password = path.read_bytes().strip()
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise refusal(problem, "make it readable for yourself") from None
    if not password:
        raise refusal("is empty", "remove it, so that one is made")
    return password
