"""Reasons for which a driver holds the clocks of a GPU down (NVML's and DCGM's bits alike)."""

from __future__ import annotations

HARDWARE_SLOWDOWN = 0x8
SOFTWARE_THERMAL = 0x20
HARDWARE_THERMAL = 0x40
POWER_BRAKE = 0x80
THROTTLED = HARDWARE_SLOWDOWN | SOFTWARE_THERMAL | HARDWARE_THERMAL | POWER_BRAKE
"""Faults of cooling or supply. Not: idleness, set clocks, and the power limit, at which a healthy
GPU runs under full load."""


def throttled(reasons: int) -> bool:
    return bool(reasons & THROTTLED)


APPLICATION_XIDS = frozenset((13, 31, 43, 45))
"""Xid errors that a program brings about by itself: they say nothing of the GPU."""
