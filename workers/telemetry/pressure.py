"""Pressure stall information: how long tasks waited for cores, memory, input and output.

Of the worker's own control group where it can be read (version 2), else of the whole machine.
Kernel documentation: ``accounting/psi.rst``.
"""

from __future__ import annotations

from typing import ClassVar, Self

from workers.telemetry.base import Reading, Sampler
from workers.telemetry.kept_file import KeptFile
from workers.telemetry.rates import Rates

RESOURCES = {
    "cpu": "host.cpu_pressure",
    "memory": "host.memory_pressure",
    "io": "host.io_pressure",
}


class Pressure(Sampler):
    signals: ClassVar[frozenset[str]] = frozenset(RESOURCES.values())

    def __init__(self, files: dict[str, KeptFile]) -> None:
        """``files`` by signal."""
        self._files = files
        self._rates = Rates()

    @classmethod
    def find(
        cls,
        machine: str = "/proc/pressure",
        groups: str = "/sys/fs/cgroup",
        membership: str = "/proc/self/cgroup",
    ) -> Self | None:
        own = _own_group(groups, membership)
        files = {}
        for resource, signal in RESOURCES.items():
            file = KeptFile.find(f"{own}/{resource}.pressure") if own else None
            file = file or KeptFile.find(f"{machine}/{resource}")
            if file is not None:
                files[signal] = file
        return cls(files) if files else None

    def read(self, now_seconds: float) -> list[Reading]:
        found: list[Reading] = []
        for signal, file in self._files.items():
            stalled = _stalled_microseconds(file.read())
            if stalled is not None:
                rate = self._rates.rate(signal, stalled, now_seconds)
                if rate is not None:
                    found.append((signal, "", min(1.0, rate * 1e-6)))
        return found

    def close(self) -> None:
        for file in self._files.values():
            file.close()


def _stalled_microseconds(content: bytes) -> int | None:
    """The total of the line ``some avg10=0.00 avg60=0.00 avg300=0.00 total=123``."""
    line = content.partition(b"\n")[0]
    if not line.startswith(b"some "):
        return None
    try:
        return int(line.rpartition(b"total=")[2])
    except ValueError:
        return None


def _own_group(groups: str, membership: str) -> str:
    """The folder of our control group in version 2; empty if that is the root, or none."""
    try:
        with open(membership, encoding="utf-8") as file:
            for line in file:
                hierarchy, _, path = line.rstrip("\n").partition("::")
                if hierarchy == "0" and path not in ("", "/"):
                    return groups + path
    except (OSError, UnicodeDecodeError):
        pass
    return ""
