"""Times as people write them: "8 h" is 28800 seconds, "90 s" is 90."""

from __future__ import annotations

from pcm.errors import InputError
from pcm.sizes import quantity

_FACTORS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("min", "m", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
}


def parse_seconds(time: str | int | float, *, field: str = "time") -> float:
    """A time in seconds, from a number of seconds or from text with a unit.

    Raises InputError, naming ``field``, for anything else and for times below zero.
    """
    seconds = quantity(time, _FACTORS)
    if seconds is None:
        raise InputError(
            f"{time!r} is not a time", field=field, mend='write it like "8 h", "90 min" or 600'
        )
    return float(seconds)
