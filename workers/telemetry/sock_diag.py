"""What the kernel tells of TCP connections that other processes hold, asked over netlink.

Any user may ask this of all sockets in the network namespace (``ss -ti`` does). Protocol:
``linux/inet_diag.h``, ``linux/sock_diag.h``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple, Self

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST, _DUMP = 0x1, 0x300
_ERROR, _DONE = 2, 3
_INET_DIAG_INFO = 2
_ESTABLISHED = 1 << 1
_HEADER = struct.Struct("=IHHII")
_ASKED = struct.Struct("=BBBBI")
_IDENTITY = slice(4, 52)
"""Ports, addresses, interface and cookie of a socket, in what the kernel tells of it."""
_STATE = struct.Struct("=IIIII")
_STATE_AT = 52
_ATTRIBUTES_AT = 72
MAX_SOCKETS = 20_000
PATIENCE_SECONDS = 0.2


class Told(NamedTuple):
    """What is told of one socket."""

    family: int
    identity: bytes
    inode: int
    backlog_bytes: int
    info: bytes


class SockDiag:
    def __init__(self) -> None:
        """Raises OSError where there is no such thing (other kernels, a sandbox)."""
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG
        )
        self._socket.settimeout(PATIENCE_SECONDS)

    @classmethod
    def find(cls) -> Self | None:
        try:
            found = cls()
        except OSError:
            return None
        try:
            list(found.all())
        except OSError:
            found.close()
            return None
        return found

    def all(self) -> Iterator[Told]:
        """Every established TCP connection of the namespace, up to MAX_SOCKETS. Raises OSError."""
        for family in (socket.AF_INET, socket.AF_INET6):
            yield from self._ask(family, bytes(48), _REQUEST | _DUMP)

    def one(self, known: Told) -> Told | None:
        """That connection as it is now; None if it is gone. Raises OSError."""
        for told in self._ask(known.family, known.identity, _REQUEST):
            return told
        return None

    def close(self) -> None:
        self._socket.close()

    def _ask(self, family: int, identity: bytes, flags: int) -> Iterator[Told]:
        body = _ASKED.pack(family, socket.IPPROTO_TCP, 1 << (_INET_DIAG_INFO - 1), 0, _ESTABLISHED)
        body += identity
        header = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, flags, 1, 0)
        self._socket.send(header + body)
        answers = 0
        while answers < MAX_SOCKETS:
            packet = self._socket.recv(1 << 16)
            for kind, message in _messages(packet):
                if kind in (_ERROR, _DONE):
                    return
                if len(message) >= _ATTRIBUTES_AT:
                    answers += 1
                    yield _told(message)
            if not flags & _DUMP:
                return


def sockets_of(pid: int) -> set[int]:
    """Inodes of the sockets that a process has open; none if we may not look."""
    inodes = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(f"/proc/{pid}/fd/{name}")
                if target.startswith("socket:["):
                    inodes.add(int(target[8:-1]))
    return inodes


def _messages(packet: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(packet):
        length, kind, *_ = _HEADER.unpack_from(packet, at)
        if length < _HEADER.size:
            return
        yield kind, packet[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


def _told(message: bytes) -> Told:
    _, _, backlog_bytes, _, inode = _STATE.unpack_from(message, _STATE_AT)
    info = b""
    at = _ATTRIBUTES_AT
    while at + 4 <= len(message):
        length, kind = struct.unpack_from("=HH", message, at)
        if length < 4:
            break
        if kind == _INET_DIAG_INFO:
            info = message[at + 4 : at + length]
        at += (length + 3) & ~3
    return Told(message[0], message[_IDENTITY], inode, backlog_bytes, info)
