"""Times as people write them: "8 h" is 28800 seconds, "90 s" is 90."""

from __future__ import annotations

import math
import re

from pcm.errors import InputError

_FACTORS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("min", "m", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
}
_WRITTEN = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([A-Za-z]+)\s*")


def parse_seconds(time: str | int | float, *, field: str = "time") -> float:
    """A time in seconds, from a number of seconds or from text with a unit.

    Raises InputError, naming ``field``, for anything else and for times below zero.
    """
    if isinstance(time, str):
        written = _WRITTEN.fullmatch(time)
        factor = _FACTORS.get(written[2].lower()) if written else None
        if written is None or factor is None:
            raise _not_a_time(time, field)
        return float(written[1]) * factor
    if isinstance(time, bool) or not isinstance(time, int | float) or not math.isfinite(time):
        raise _not_a_time(time, field)
    if time < 0:
        raise _not_a_time(time, field)
    return float(time)


def _not_a_time(time: object, field: str) -> InputError:
    return InputError(
        f"{time!r} is not a time", field=field, mend='write it like "8 h", "90 min" or 600'
    )
