"""Sizes as people write them: "5 GB" is 5 * 10**9 bytes, "5 GiB" is 5 * 2**30."""

from __future__ import annotations

import math
import re

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
    amount: float
    if isinstance(size, str):
        written = _WRITTEN.fullmatch(size)
        factor = _FACTORS.get(written[2].lower()) if written else None
        if written is None or factor is None:
            raise _not_a_size(size, field)
        amount = float(written[1]) * factor
    elif isinstance(size, bool) or not isinstance(size, int | float) or not math.isfinite(size):
        raise _not_a_size(size, field)
    else:
        amount = size
    if amount < 0:
        raise _not_a_size(size, field)
    return round(amount)


def _not_a_size(size: object, field: str) -> InputError:
    return InputError(
        f"{size!r} is not a size", field=field, mend='write it like "5 GB", "512 MiB" or 5e9'
    )
