"""Sizes as people write them: "5 GB" is 5 * 10**9 bytes, "5 GiB" is 5 * 2**30."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from pcm.errors import InputError

_FACTORS = {
    "b": 1,
    **{f"{prefix}b": 1000**power for power, prefix in enumerate("kmgtp", 1)},
    **{f"{prefix}ib": 1024**power for power, prefix in enumerate("kmgtp", 1)},
}
_WRITTEN = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([A-Za-z]+)\s*")


def parse_bytes(size: str | int | float, *, field: str = "size") -> int:
    """A size in bytes, from a number of bytes or from text with a unit.

    Raises InputError, naming ``field``, for anything else and for negative sizes.
    """
    amount = quantity(size, _FACTORS)
    if amount is None:
        raise InputError(
            f"{size!r} is not a size", field=field, mend='write it like "5 GB", "512 MiB" or 5e9'
        )
    return round(amount)


def quantity(given: object, factors: Mapping[str, int]) -> int | float | None:
    """A number as it is, or text of a number and a unit, times the unit's factor.

    ``factors``: by unit in lower case. None for anything else, and for what is below zero or
    without end.
    """
    amount: int | float
    if isinstance(given, str):
        written = _WRITTEN.fullmatch(given)
        factor = factors.get(written[2].lower()) if written else None
        if written is None or factor is None:
            return None
        amount = float(written[1]) * factor
    elif isinstance(given, int | float) and not isinstance(given, bool):
        amount = given
    else:
        return None
    return amount if math.isfinite(amount) and amount >= 0 else None
