"""Log files of replicas and of the template, and the tails of them that errors quote."""

from __future__ import annotations

import os
import re

TAIL_BYTES = 4096


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
