"""A user's tokens for HTCondor: whether there are any that still hold.

A daemon that refuses an expired token says only that it does not know who one is, so pcm looks
itself. Tokens are not checked and nothing of them but their end is read.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

DEFAULT_DIRECTORY = "~/.condor/tokens.d"


class Token(msgspec.Struct, frozen=True):
    """``expires``: unix seconds; None: it has no end."""

    file: Path
    expires: float | None


def directory() -> Path:
    """Where HTCondor looks for this user's tokens."""
    from condor.collector import setting

    return Path(setting("SEC_TOKEN_DIRECTORY") or DEFAULT_DIRECTORY).expanduser()


def tokens(folder: Path) -> list[Token]:
    """Those in the files of the folder; what is no token is passed over."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError:
        return []
    found = []
    for file in files:
        try:
            lines = file.read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            continue
        for line in filter(None, map(str.strip, lines)):
            try:
                found.append(Token(file, _expires(line)))
            except ValueError:  # Also of bytes that are no text, no JSON, no number.
                continue
    return found


def expired(folder: Path, now: float) -> str:
    """When they have expired; empty if one holds, or there are none, which is as it should
    be where a pool knows its users otherwise. ``now``: unix seconds."""
    present = tokens(folder)
    if not present or any(token.expires is None or token.expires > now for token in present):
        return ""
    last = max(present, key=lambda token: token.expires or 0.0)
    end = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(last.expires or 0.0))
    others = f", as have {len(present) - 1} more there" if len(present) > 1 else ""
    return f"your token {last.file} expired at {end}{others}"


def seconds_left(present: Sequence[Token], now: float) -> float | None:
    """Seconds until the last of those that hold ends; None if one has no end, or none holds."""
    ends = [token.expires for token in present if token.expires is None or token.expires > now]
    if not ends or None in ends:
        return None
    return max(end for end in ends if end is not None) - now


def expired_now() -> str:
    return expired(directory(), time.time())


def _expires(token: str) -> float | None:
    """Raises ValueError for what is no JSON Web Token."""
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("not three parts")
    body = parts[1] + "=" * (-len(parts[1]) % 4)
    claims = json.loads(base64.urlsafe_b64decode(body))
    if not isinstance(claims, dict):
        raise ValueError("no claims")
    end = claims.get("exp")
    return None if end is None else float(end)
