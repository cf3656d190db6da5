"""The kernel's filter: TCP and UDP over IP, cut off where their headers end.

What a filter returns is how many bytes of the packet are copied to the socket. This one computes
where the transport header ends and returns that, so payload never reaches the observer. It lets
nothing else through: no later fragments, which have no transport header, no IPv6 with extension
headers, and it does not look inside tunnels. Classic BPF, see socket(7).
"""

from __future__ import annotations

import ctypes
import socket
import struct
from typing import NamedTuple

SO_ATTACH_FILTER = 26
MAX_HEADER_BYTES = 18 + 60 + 60
"""Ethernet with one tag, IPv4 with options, TCP with options."""

_LOAD_HALF, _LOAD_BYTE = 0x28, 0x30  # from a fixed place
_LOAD_BYTE_AT_X, _IP_LENGTH_TO_X = 0x50, 0xB1  # 0xB1: X = 4 * (byte & 15)
_EQUAL, _ANY_BIT = 0x15, 0x45
_ADD, _AND, _SHIFT_RIGHT, _ADD_X, _X_TO_A = 0x04, 0x54, 0x74, 0x0C, 0x87
_RETURN, _RETURN_A = 0x06, 0x16

IPV4, IPV6, TAGS = 0x0800, 0x86DD, (0x8100, 0x88A8)
TCP, UDP = 6, 17


class _Step(NamedTuple):
    code: int
    value: int = 0
    then: str = ""
    """Where to go if the test holds; on to the next step if not."""


def program() -> bytes:
    """As ``struct sock_filter[]``."""
    steps: list[_Step | str] = [
        _Step(_LOAD_HALF, 12),
        _Step(_EQUAL, IPV4, "ipv4 at 14"),
        _Step(_EQUAL, IPV6, "ipv6 at 14"),
        *(_Step(_EQUAL, tag, "tagged") for tag in TAGS),
        _Step(_RETURN, 0),
        "tagged",
        _Step(_LOAD_HALF, 16),
        _Step(_EQUAL, IPV4, "ipv4 at 18"),
        _Step(_EQUAL, IPV6, "ipv6 at 18"),
        _Step(_RETURN, 0),
    ]
    for start in (14, 18):
        steps += [f"ipv4 at {start}", *_ipv4(start), f"ipv6 at {start}", *_ipv6(start)]
    return _assembled(steps)


def attach(packets: socket.socket) -> None:
    """Raises OSError."""
    code = program()
    buffer = ctypes.create_string_buffer(code, len(code))
    count = len(code) // 8
    packets.setsockopt(
        socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", count, ctypes.addressof(buffer))
    )


def _ipv4(start: int) -> list[_Step | str]:
    return [
        _Step(_LOAD_HALF, start + 6),
        _Step(_ANY_BIT, 0x1FFF, f"nothing at {start}"),
        _Step(_IP_LENGTH_TO_X, start),
        _Step(_LOAD_BYTE, start + 9),
        _Step(_EQUAL, TCP, f"tcp at {start}"),
        _Step(_EQUAL, UDP, f"udp at {start}"),
        f"nothing at {start}",
        _Step(_RETURN, 0),
        f"tcp at {start}",
        _Step(_LOAD_BYTE_AT_X, start + 12),
        _Step(_AND, 0xF0),
        _Step(_SHIFT_RIGHT, 2),
        _Step(_ADD_X),
        _Step(_ADD, start),
        _Step(_RETURN_A),
        f"udp at {start}",
        _Step(_X_TO_A),
        _Step(_ADD, start + 8),
        _Step(_RETURN_A),
    ]


def _ipv6(start: int) -> list[_Step | str]:
    return [
        _Step(_LOAD_BYTE, start + 6),
        _Step(_EQUAL, TCP, f"tcp6 at {start}"),
        _Step(_EQUAL, UDP, f"udp6 at {start}"),
        _Step(_RETURN, 0),
        f"tcp6 at {start}",
        _Step(_LOAD_BYTE, start + 40 + 12),
        _Step(_AND, 0xF0),
        _Step(_SHIFT_RIGHT, 2),
        _Step(_ADD, start + 40),
        _Step(_RETURN_A),
        f"udp6 at {start}",
        _Step(_RETURN, start + 48),
    ]


def _assembled(steps: list[_Step | str]) -> bytes:
    """Names of places become distances."""
    places: dict[str, int] = {}
    for step in steps:
        if isinstance(step, str):
            places[step] = sum(isinstance(one, _Step) for one in steps[: steps.index(step)])
    code = b""
    for number, step in enumerate(one for one in steps if isinstance(one, _Step)):
        jump = places[step.then] - number - 1 if step.then else 0
        code += struct.pack("HBBI", step.code, jump, 0, step.value)
    return code
