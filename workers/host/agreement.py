"""Ranks that try items again must do it alike: their next collective is the next call's.

A call of a task that raises leaves items to be tried again in parts. Before a rank of several goes
on with that, it says where it stands, and waits for the word that all stand there.
"""

from __future__ import annotations

import socket

import msgspec

from workers.host.batch import Trouble
from workers.protocol import ErrorReport

MAX_PACKET_BYTES = 1 << 16
_MESSAGE_CHARS = 2000
_GO_ON = b"+"


class Setback(msgspec.Struct, frozen=True, array_like=True):
    """A call that left ``left`` items without outcome, from the position ``first`` on."""

    first: int
    left: int
    at_first: bool
    error: ErrorReport

    @property
    def course(self) -> tuple[int, int, bool, str]:
        """What the next call will be, and why. Messages may differ: they name devices."""
        return self.first, self.left, self.at_first, self.error.type


class Agreement:
    """A rank's end of the line."""

    def __init__(self, sock: socket.socket) -> None:
        """Of packets, and blocking."""
        self._socket = sock

    def __call__(self, trouble: Trouble) -> None:
        """Wait until all ranks are in the same trouble. If they are not, this process is ended.

        Raises ConnectionError if whoever answers is gone.
        """
        error = trouble.error
        told = ErrorReport(error.type, error.message[:_MESSAGE_CHARS])
        setback = Setback(trouble.left[0], len(trouble.left), trouble.at_first, told)
        self._socket.sendall(msgspec.msgpack.encode(setback))
        if self._socket.recv(len(_GO_ON)) != _GO_ON:
            raise ConnectionResetError("the ranks are not kept any more")


def read_setback(sock: socket.socket) -> Setback | None:
    """What a rank says, at the other end; None if it has ended. Raises MsgspecError."""
    try:
        packet = sock.recv(MAX_PACKET_BYTES)
    except OSError:
        packet = b""
    return msgspec.msgpack.decode(packet, type=Setback) if packet else None


def answer(sock: socket.socket) -> None:
    """All ranks stand there."""
    sock.sendall(_GO_ON)
