"""A connection between who asks and the manager: whose it is, and lines over it in time."""

from __future__ import annotations

import socket
import struct
import time

from pcm.control.messages import LINE_BYTES

_CREDENTIALS = struct.Struct("3i")


class BadLineError(Exception):
    """What came is no line: it ended early, or is too long."""


def user_of(connection: socket.socket) -> int:
    """The user id of the process at the other end, as the system knows it."""
    size = _CREDENTIALS.size
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, user, _ = _CREDENTIALS.unpack(told)
    return int(user)


def receive_line(connection: socket.socket, deadline: float) -> bytes:
    """Up to the first newline. ``deadline``: of the monotonic clock.

    Raises BadLineError, OSError; TimeoutError once the deadline has passed.
    """
    received = bytearray()
    while b"\n" not in received:
        if len(received) > LINE_BYTES:
            raise BadLineError(f"a line of more than {LINE_BYTES} bytes")
        connection.settimeout(_left(deadline))
        data = connection.recv(LINE_BYTES)
        if not data:
            raise BadLineError("the connection ended before its line did")
        received += data
    line = bytes(received[: received.index(b"\n")])
    if len(line) > LINE_BYTES:
        raise BadLineError(f"a line of more than {LINE_BYTES} bytes")
    return line


def send(connection: socket.socket, line: bytes, deadline: float) -> None:
    """Raises OSError; TimeoutError once the deadline has passed."""
    connection.settimeout(_left(deadline))
    connection.sendall(line)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
