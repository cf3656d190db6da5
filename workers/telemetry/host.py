"""How busy the worker's cores are, with whatever: its own work or that of others.

From ``/proc/stat``, for the cores that this process may run on.
"""

from __future__ import annotations

import os
from typing import ClassVar, Self

from workers.telemetry.base import Reading, Sampler
from workers.telemetry.kept_file import KeptFile

_IDLE, _WAITING, _STEAL, _COLUMNS = 3, 4, 7, 8
"""user nice system idle iowait irq softirq steal; what follows is contained in user and nice."""


class Host(Sampler):
    signals: ClassVar[frozenset[str]] = frozenset(("host.cpu_share", "host.steal_share"))

    def __init__(self, stat: KeptFile, cores: set[int]) -> None:
        self._stat = stat
        self._lines = {b"cpu%d" % core for core in cores}
        self._last: list[int] = []

    @classmethod
    def find(cls, path: str = "/proc/stat") -> Self | None:
        stat = KeptFile.find(path)
        return cls(stat, os.sched_getaffinity(0)) if stat is not None else None

    def read(self, now_seconds: float) -> list[Reading]:
        ticks = self._ticks(self._stat.read())
        last, self._last = self._last, ticks
        if not last or not ticks:
            return []
        spent = [max(0, now - before) for now, before in zip(ticks, last, strict=True)]
        total = sum(spent)
        if not total:
            return []
        busy = total - spent[_IDLE] - spent[_WAITING] - spent[_STEAL]
        return [
            ("host.cpu_share", "", busy / total),
            ("host.steal_share", "", spent[_STEAL] / total),
        ]

    def close(self) -> None:
        self._stat.close()

    def _ticks(self, content: bytes) -> list[int]:
        """Summed over our cores; empty if none is there."""
        sums = [0] * _COLUMNS
        found = False
        for line in content.split(b"\n"):
            if not line.startswith(b"cpu"):
                break  # The lines of cores come first.
            name, *columns = line.split()
            if name in self._lines and len(columns) >= _COLUMNS:
                found = True
                for index in range(_COLUMNS):
                    sums[index] += int(columns[index])
        return sums if found else []
