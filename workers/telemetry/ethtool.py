"""Statistics of a network interface as its driver names them (what ``ethtool -S`` prints).

Any user may read them. ``linux/ethtool.h``, ``linux/sockios.h``.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from typing import Self

_SIOCETHTOOL = 0x8946
_GSTRINGS, _GSTATS, _GSSET_INFO = 0x1B, 0x1D, 0x37
_STATISTICS = 1
_NAME_BYTES = 32
_SLACK = 4096
"""Statistics that may appear between asking how many there are and reading them: the kernel
writes as many as there are, whatever the room."""


class Ethtool:
    """The statistics of one interface."""

    def __init__(self, interface: str) -> None:
        """Raises OSError if there is no such interface, or its driver has none."""
        self._interface = interface.encode()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            self.names = self._read_names()
        except OSError:
            self.close()
            raise

    @classmethod
    def find(cls, interface: str) -> Self | None:
        try:
            return cls(interface)
        except OSError:
            return None

    def values(self, indices: list[int]) -> Iterator[tuple[int, int]]:
        """Index and value of those of ``names``. Nothing if they are not what they were: the next
        read has them right. Raises OSError if the interface is gone."""
        count = self._count()
        if count != len(self.names):
            self.names = self._read_names()
            return
        request = array.array("B", struct.pack("=II", _GSTATS, count) + bytes(8 * (count + _SLACK)))
        self._call(request)
        if struct.unpack_from("=I", request, 4)[0] == count:
            for index in indices:
                yield index, struct.unpack_from("=Q", request, 8 + 8 * index)[0]

    def close(self) -> None:
        self._socket.close()

    def _count(self) -> int:
        request = array.array("B", struct.pack("=IIQI", _GSSET_INFO, 0, 1 << _STATISTICS, 0))
        self._call(request)
        mask, count = struct.unpack_from("=QI", request, 8)
        return count if mask else 0

    def _read_names(self) -> list[str]:
        count = self._count()
        head = struct.pack("=III", _GSTRINGS, _STATISTICS, count)
        request = array.array("B", head + bytes(_NAME_BYTES * (count + _SLACK)))
        self._call(request)
        count = min(count, struct.unpack_from("=I", request, 8)[0])
        raw = request.tobytes()[12 : 12 + _NAME_BYTES * count]
        rows = [raw[at : at + _NAME_BYTES] for at in range(0, len(raw), _NAME_BYTES)]
        return [row.partition(b"\0")[0].decode(errors="replace").strip() for row in rows]

    def _call(self, request: array.array[int]) -> None:
        """``struct ifreq``: the name, and a pointer to the request, which is answered in place."""
        address = request.buffer_info()[0]
        fcntl.ioctl(self._socket, _SIOCETHTOOL, struct.pack("16sP16x", self._interface, address))


def driver(interface: str, classes: str = "/sys/class/net") -> str:
    """The name of the kernel's driver; empty for virtual interfaces."""
    with contextlib.suppress(OSError):
        return os.path.basename(os.readlink(f"{classes}/{interface}/device/driver"))
    return ""
