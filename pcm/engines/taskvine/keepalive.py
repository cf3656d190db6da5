"""Connections to machines that have vanished end within seconds, by the kernel's own means."""

from __future__ import annotations

import os
import socket

IDLE_SECONDS = 4
INTERVAL_SECONDS = 2
PROBES = 4
"""A silent machine is given up after IDLE + INTERVAL * PROBES seconds."""
UNACKNOWLEDGED_SECONDS = 10
"""The same where data is on its way that nobody acknowledges (tcp(7), TCP_USER_TIMEOUT)."""


def keep_alive(listener: int) -> None:
    """For all connections that a listening socket, which belongs to someone else, will accept."""
    with socket.socket(fileno=os.dup(listener)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            (socket.TCP_KEEPIDLE, IDLE_SECONDS),
            (socket.TCP_KEEPINTVL, INTERVAL_SECONDS),
            (socket.TCP_KEEPCNT, PROBES),
            (socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_SECONDS * 1000),
        ):
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
