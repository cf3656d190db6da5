"""How much is simulated. Detectors are tuned on seeds below 100, and judged on those from 1000."""

from __future__ import annotations

from typing import NamedTuple

from evaluations.runbook.simulation import CLEAN_WINDOWS
from evaluations.runbook.truth import CONDITIONS, INTENSITIES, Intensity

HELD_OUT = 1000


class Plan(NamedTuple):
    seeds: tuple[int, ...]
    """Of faulty runs: each has every condition at every intensity."""
    clean_seeds: tuple[int, ...]
    conditions: tuple[str, ...] = CONDITIONS
    intensities: tuple[Intensity, ...] = INTENSITIES
    clean_windows: int = CLEAN_WINDOWS
    processes: int = 2


FULL = Plan(tuple(range(HELD_OUT, HELD_OUT + 3)), tuple(range(HELD_OUT, HELD_OUT + 20)))
QUICK = Plan((0,), (0,), ("PC8",), ("moderate",), 120, 1)
"""On a tuning seed."""
