"""The observer at the bridge, and its lines as windows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from evaluations.packets.programs import Program
from pcm.telemetry.signals import Reading, Window

RING_FRAMES = 4096


class Observing:
    """It watches all ports, and is told which host is which worker and which rank."""

    def __init__(
        self,
        ports: list[str],
        workers: Mapping[str, str],
        ranks: Mapping[str, str],
        line_rates: Mapping[str, int],
        kind: str,
        quiet_seconds: float,
    ) -> None:
        """``workers`` and ``ranks`` (as ``GROUP:NUMBER``): their addresses. ``line_rates``: bits
        per second by port. ``quiet_seconds``: between two collectives."""
        arguments = ["--ring-frames", str(RING_FRAMES), "--quiet", str(quiet_seconds)]
        for option, values in (
            ("--interface", ports),
            ("--worker", [f"{name}={address}" for name, address in workers.items()]),
            ("--rank", [f"{place}={address}" for place, address in ranks.items()]),
            ("--line-rate", [f"{port}={rate}" for port, rate in line_rates.items()]),
        ):
            for value in values:
                arguments += [option, value]
        self._kind = kind
        self._windows: list[Window] = []
        self.itself: dict[str, float] = {"packets": 0, "dropped": 0, "cpu_seconds": 0.0}
        """What it said of itself, summed up."""
        self._program = Program("workers.telemetry.observer", *arguments)
        self._program.ready(self._hear)

    def take(self) -> list[Window]:
        """Since the last time."""
        taken, self._windows = self._windows, []
        return taken

    def end(self) -> None:
        self._program.end()

    def _hear(self, line: str) -> None:
        said: dict[str, Any] = json.loads(line)
        if said["kind"] == "observer":
            for name in self.itself:
                self.itself[name] += said[name]
        elif said["kind"] == "window":
            readings = tuple(Reading(*reading) for reading in said["readings"])
            self._windows.append(
                Window(said["worker"], self._kind, said["end_seconds"], said["seconds"], readings)
            )
