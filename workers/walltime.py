"""When a worker's time on its machine is over, if whoever started it knows."""

from __future__ import annotations

import math
import os
import time

LEAVES_AT_VARIABLE = "PCM_LEAVES_AT"
"""When it will be told to leave: seconds since 1970, by its own machine's clock."""
SHORTEST_SECONDS = 1.0
"""What is said of a time that is over: 0 would mean that it is not known."""


def leaves_in_seconds() -> float:
    """From now; 0 if that is not known, or what is said of it is no time."""
    try:
        leaves_at = float(os.environ.get(LEAVES_AT_VARIABLE, ""))
    except ValueError:
        return 0.0
    if not math.isfinite(leaves_at):
        return 0.0
    return max(leaves_at - time.time(), SHORTEST_SECONDS)
