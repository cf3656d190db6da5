"""Moments as people give them on the command line."""

from __future__ import annotations

import re
import time
from datetime import datetime

from pcm.errors import InputError

_SECONDS = {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def moment(text: str, now: float | None = None) -> float:
    """Unix seconds of ``90s``, ``10min``, ``2h`` or ``1d`` ago, of a date and time of this
    machine's zone (``2026-01-31 12:30``), or of unix seconds. Raises InputError."""
    now = time.time() if now is None else now
    ago = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)", text.strip())
    if ago:
        return now - float(ago[1]) * _SECONDS[ago[2]]
    if re.fullmatch(r"\d{9,}(\.\d+)?", text.strip()):
        return float(text)
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except ValueError:
        raise InputError(
            f"{text!r} is no moment", field="--since", mend="give 10min, 2h, or 2026-01-31T12:30"
        ) from None
