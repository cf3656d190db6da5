"""What telemetry reads on a simulated GPU worker, well or slowed: by three causes of its own kind.

A slowed worker is slow for a reason, and the reason shows: its cores are taken (pressure, irregular
launches), its input comes late (waits before a step), or its launches take long (few of them, at an
even pace). In
all of them the GPU computes for a smaller share of the time, in proportion to the slowness.
"""

from __future__ import annotations

import numpy as np

from pcm.engines.simulated.scenario import Visit
from pcm.telemetry.signals import Reading, Window

CAUSES = ("cores taken", "input late", "launches slow")
NOISE = 0.06
"""Of each reading, as the sigma of a lognormal factor."""
WELL = {
    "gpu.busy_share": 0.9,
    "pcie.launches_per_second": 4000.0,
    "pcie.launch_gap_spread": 0.5,
    "pcie.h2d_wait_seconds": 0.0008,
    "pcie.d2h_delay_seconds": 0.0006,
    "host.cpu_pressure": 0.03,
    "host.cpu_share": 0.35,
    "decode.active": 24.0,
    "decode.tokens_per_second": 900.0,
}


class Signs:
    """Of one worker, a window each second."""

    def __init__(self, worker: str, visit: Visit, rng: np.random.Generator) -> None:
        self._worker, self._visit, self._rng = worker, visit, rng
        self._cause = CAUSES[int(rng.integers(len(CAUSES)))]
        own = np.exp(rng.normal(0.0, 0.1, len(WELL)))
        self._own = {name: value * f for (name, value), f in zip(WELL.items(), own, strict=True)}

    def window(self, now: float) -> Window:
        slow = self._visit.slow_factor if now > self._visit.slow_from_seconds else 1.0
        noise = np.exp(self._rng.normal(0.0, NOISE, len(WELL)))
        values = {
            name: value * self._effect(name, slow) * factor
            for (name, value), factor in zip(self._own.items(), noise, strict=True)
        }
        values["gpu.busy_share"] = min(values["gpu.busy_share"], 1.0)
        values["host.cpu_pressure"] = min(values["host.cpu_pressure"], 1.0)
        readings = tuple(
            Reading(name, "" if name.split(".")[0] in ("host", "decode") else "gpu0", value)
            for name, value in values.items()
        )
        return Window(self._worker, self._visit.kind, now, 1.0, readings)

    def _effect(self, name: str, slow: float) -> float:
        """The factor on a reading of a worker that is so much slower."""
        if slow == 1.0:
            return 1.0
        everywhere = {"gpu.busy_share": 1.0 / slow, "decode.tokens_per_second": 1.0 / slow}
        own = {
            "cores taken": {"host.cpu_pressure": 20.0, "pcie.launch_gap_spread": 1.0 + slow},
            "input late": {"pcie.h2d_wait_seconds": 10.0 * slow},
            # A constant on every gap: their median grows, the distance of their quartiles does not.
            "launches slow": {
                "pcie.launches_per_second": 1.0 / slow,
                "pcie.launch_gap_spread": 1.0 / slow,
            },
        }[self._cause]
        return own.get(name, everywhere.get(name, 1.0))
