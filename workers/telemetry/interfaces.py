"""The network interfaces that a worker's traffic takes."""

from __future__ import annotations

import os
import socket
from pathlib import Path

MAX_INTERFACES = 8
_GATEWAY = 0x2
_NO_ADDRESS = "0" * 32
_LOCAL_PREFIXES = ("fe80", "ff")
"""Of IPv6 routes that every interface has."""


def in_use(routes: str = "/proc/net", classes: str = "/sys/class/net") -> list[str]:
    """Those with a default route, and real devices with any; if there are none of these, all that
    have a route. So members of a bridge or a bond, and bridges for containers, are not counted
    beside the interface that carries their traffic.

    ``/sys`` may show another network namespace than ours: such interfaces are left out.
    """
    routed: dict[str, bool] = {}
    for name, default in (*_routes_4(f"{routes}/route"), *_routes_6(f"{routes}/ipv6_route")):
        if name != "lo" and _is_ours(classes, name):
            routed[name] = routed.get(name, False) or default
    chosen = [
        name
        for name, default in routed.items()
        if default or os.path.exists(f"{classes}/{name}/device")
    ]
    return sorted(chosen or routed)[:MAX_INTERFACES]


def bits_per_second(name: str, classes: str = "/sys/class/net") -> float:
    """The line's rate in one direction; 0 if it has none (virtual ones) or none is told."""
    try:
        return max(0.0, float(Path(classes, name, "speed").read_text())) * 1e6
    except (OSError, ValueError):
        return 0.0


def _is_ours(classes: str, name: str) -> bool:
    try:
        return int(Path(classes, name, "ifindex").read_text()) == socket.if_nametoindex(name)
    except (OSError, ValueError):
        return False


def _routes_4(path: str) -> list[tuple[str, bool]]:
    """Interface of each route, and whether it is a default route."""
    rows = [line.split() for line in _lines(path)[1:]]
    return [(row[0], int(row[1], 16) == 0) for row in rows if len(row) >= 8]


def _routes_6(path: str) -> list[tuple[str, bool]]:
    rows = [line.split() for line in _lines(path)]
    return [
        (row[9], row[0] == _NO_ADDRESS and bool(int(row[8], 16) & _GATEWAY))
        for row in rows
        if len(row) >= 10 and not row[0].startswith(_LOCAL_PREFIXES)
    ]


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
