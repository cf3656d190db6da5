"""Counters of the kernel's network protocols: ``/proc/net/snmp`` and ``/proc/net/netstat``.

They count for the network namespace: of a whole machine, unless a container has its own.
"""

from __future__ import annotations

from workers.telemetry.kept_file import KeptFile


class Protocols:
    """Some named counters of one of the two files."""

    def __init__(self, file: KeptFile, wanted: dict[str, tuple[str, ...]]) -> None:
        """``wanted``: names of counters by protocol, as at the beginning of the lines."""
        self._file = file
        self._wanted = {name.encode() + b":": counters for name, counters in wanted.items()}

    def read(self) -> dict[str, int]:
        """Those that this kernel has. A line of names is followed by one of values."""
        found: dict[str, int] = {}
        lines = self._file.read().split(b"\n")
        for names, values in zip(lines[::2], lines[1::2], strict=False):
            protocol = names[: names.find(b" ")]
            counters = self._wanted.get(protocol)
            if counters is None or not values.startswith(protocol):
                continue
            row = dict(zip(names.decode().split(), values.split(), strict=False))
            found.update({name: int(row[name]) for name in counters if name in row})
        return found

    def close(self) -> None:
        self._file.close()
