"""Exceptions of the user's code in words, without the frames that are ours."""

from __future__ import annotations

import os
import traceback
from types import TracebackType

from workers.protocol import ErrorReport

MAX_MESSAGE_CHARS = 4000
MAX_TRACEBACK_CHARS = 16000

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_IMPORTING = "<frozen importlib"


def report(error: BaseException) -> ErrorReport:
    """The exception as the user would have seen it, had they called their own code."""
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ not in ("builtins", "__main__"):
        name = f"{kind.__module__}.{name}"
    try:
        message = str(error)
    except Exception as broken:
        message = f"(its message cannot be shown: {type(broken).__name__})"
    try:
        lines = traceback.format_exception(kind, error, _users_own(error.__traceback__))
        text = "".join(lines)
    except Exception as broken:
        text = f"(the traceback cannot be shown: {type(broken).__name__})"
    return ErrorReport(
        name, _shortened(message, MAX_MESSAGE_CHARS), _shortened(text, MAX_TRACEBACK_CHARS)
    )


def _users_own(frames: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame on that is not ours."""
    while frames is not None and _is_ours(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return frames


def _is_ours(filename: str) -> bool:
    return filename.startswith((_OURS, _IMPORTING)) or filename.endswith("importlib/__init__.py")


def _shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n... ({len(text) - 2 * half} characters left out) ...\n{text[-half:]}"
