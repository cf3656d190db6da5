"""The connections of this process, as a source of them for ``TcpInfo``."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
from collections.abc import Iterable, Mapping

from workers.telemetry.tcp_info import INFO_BYTES, Connection

_SIOCOUTQ = 0x5411


def of_descriptors(places: Mapping[int, str]) -> Iterable[Connection]:
    """The connections that are open here as these descriptors, with their places. What is closed,
    or no TCP socket, is left out."""
    for descriptor, place in places.items():
        with contextlib.suppress(OSError):
            borrowed = socket.socket(fileno=descriptor)
            try:
                info = borrowed.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES)
                waiting = fcntl.ioctl(descriptor, _SIOCOUTQ, bytes(4))
            finally:
                borrowed.detach()
            number = os.fstat(descriptor).st_ino
            yield Connection(number, place, info, int.from_bytes(waiting, sys.byteorder))
