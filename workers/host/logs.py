"""Logs of replicas and of the template: how large they get, and the tails that errors quote."""

from __future__ import annotations

import contextlib
import os
import re

TAIL_BYTES = 4096
MAX_LOG_BYTES = 64 << 20
"""A log of more is cut to its newer half, when it is next looked at."""
_CUT = b"[the older part of this log was cut off]\n"


def log_path(directory: str, *parts: object) -> str:
    """A path within the directory whose name is safe, whatever the parts hold."""
    name = "-".join(re.sub(r"[^\w.+-]+", "_", str(part))[:60] for part in parts)
    return os.path.join(directory, f"{name}.log")


def size(path: str) -> int:
    """In bytes; 0 if there is no such file."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def trim(path: str) -> None:
    """Cut a log that is too large. Its writers append, and so go on behind what is left; a line
    that they write at this very moment may be lost."""
    half = MAX_LOG_BYTES // 2
    if size(path) <= MAX_LOG_BYTES:
        return
    with contextlib.suppress(OSError), open(path, "a+b") as file:
        file.seek(-half, os.SEEK_END)
        kept = file.read(half)
        kept += file.read(half)  # what came meanwhile
        file.truncate(0)
        file.write(_CUT + (kept.partition(b"\n")[2] or kept))


def tail(path: str, *, end: int | None = None, limit_bytes: int = TAIL_BYTES) -> str:
    """The last part of a log (up to a position), whole lines where possible."""
    try:
        with open(path, "rb") as file:
            if end is None:
                end = file.seek(0, os.SEEK_END)
            begin = max(0, end - limit_bytes)
            file.seek(begin)
            data = file.read(end - begin)
    except OSError:
        return ""
    if begin:
        data = data.partition(b"\n")[2] or data
    return data.decode("utf-8", "replace").strip("\n")


def head(path: str, *, start: int, limit_bytes: int = TAIL_BYTES) -> str:
    """The first part of what a log has got since ``start``."""
    try:
        with open(path, "rb") as file:
            file.seek(start)
            return file.read(limit_bytes).decode("utf-8", "replace").strip("\n")
    except OSError:
        return ""
