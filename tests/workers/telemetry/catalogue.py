"""What readings must be: named as in the catalogue, at a place that fits."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from pcm.telemetry.signals import SIGNALS, Scope
from workers.telemetry.base import Reading, Sampler

PLACES = {
    Scope.WORKER: r"",
    Scope.GPU: r"gpu\d+",
    Scope.LINK: r"[\w.:-]+(>[\w.:-]+)?",
    Scope.RANK: r"[\w.-]+:\d+",
}


def checked(sampler: Sampler, readings: Iterable[Reading]) -> dict[tuple[str, str], float]:
    """The readings by signal and place, each there once, fit, and among those announced."""
    found: dict[tuple[str, str], float] = {}
    for signal, place, value in readings:
        assert signal in sampler.signals, f"{signal} was not announced"
        assert re.fullmatch(PLACES[SIGNALS[signal].scope], place), f"{signal} at {place!r}"
        assert math.isfinite(value)
        assert value >= 0, f"{signal} {value}"
        if SIGNALS[signal].unit == "1" and signal.endswith(("_share", "_pressure")):
            assert value <= 1, f"{signal} {value}"
        assert (signal, place) not in found
        found[signal, place] = value
    return found
