"""The secret of whoever may look at runs and act on them: one per user, in a file of his own."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from pcm.errors import InputError

TOKEN_BYTES = 32
LEAST_CHARACTERS = 32
FILE = "dashboard.token"
_MEND = "give another file by --token-file"


def default_file() -> Path:
    """In the user's state directory, so that pages and tools keep it over runs."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.join("~", ".local", "state")
    return Path(os.path.expanduser(state)) / "pcm" / FILE


def token_of(file: str | os.PathLike[str] | None = None) -> str:
    """What the file holds; if it is not there it is made, readable by its owner only.

    Raises InputError if it cannot be made or read, others can read it, or it is too short.
    """
    path = default_file() if file is None else Path(file).expanduser().absolute()
    try:
        if not path.exists():
            _make(path)
        with open(path, encoding="ascii") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            token = opened.read(4096).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not plain text"
        raise InputError(f"cannot be used ({why})", file=str(path), mend=_MEND) from None
    if mode & 0o077:
        mend = f"chmod 600 {path}, or remove it, so that another is made"
        raise InputError("can be read by others", file=str(path), mend=mend)
    if len(token) < LEAST_CHARACTERS or not token.isalnum():
        mend = "remove it, so that another is made"
        raise InputError(
            f"is no token of at least {LEAST_CHARACTERS} letters and digits",
            file=str(path),
            mend=mend,
        )
    return token


def session_of(token: str, port: int) -> tuple[str, str]:
    """Name and value of the cookie by which a browser is known.

    Browsers send cookies to all ports of a host: it is not the token itself, serves for one port,
    and does not take the place of another dashboard's. It is good as long as the token is.
    """
    name = hashlib.sha256(f"{token}:{port}".encode()).hexdigest()[:12]
    value = hmac.new(token.encode(), f"session {port}".encode(), hashlib.sha256).hexdigest()
    return f"pcm_{name}", value


def _make(path: Path) -> None:
    """Whole or not at all; whoever comes second takes that of the first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(TOKEN_BYTES) + "\n")
        try:
            os.link(new, path)
        except FileExistsError:
            return
    finally:
        os.unlink(new)
