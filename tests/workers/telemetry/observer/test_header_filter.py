"""The kernel's filter lets headers through and not a byte more: run here by a small machine."""

from __future__ import annotations

import struct

import pytest

from tests.workers.telemetry.observer.packets import Packet, frame
from workers.telemetry.observer.header_filter import MAX_HEADER_BYTES, program
from workers.telemetry.observer.headers import TCP, UDP
from workers.telemetry.observer.ring import FRAME_BYTES

FRAME_HEADER_BYTES = 66


def copied(packet: bytes) -> int:
    """What classic BPF (as in Documentation/networking/filter.rst) answers."""
    steps = list(struct.iter_unpack("HBBI", program()))
    a = x = place = 0
    while True:
        code, then, otherwise, k = steps[place]
        place += 1
        match code:
            case 0x28 | 0x30 | 0x50:
                start, size = (k + x if code == 0x50 else k), 2 if code == 0x28 else 1
                if start + size > len(packet):
                    return 0
                a = int.from_bytes(packet[start : start + size])
            case 0xB1:
                x = 4 * (packet[k] & 15)
            case 0x15 | 0x45:
                place += then if (a == k if code == 0x15 else a & k) else otherwise
            case 0x04 | 0x54 | 0x74 | 0x0C | 0x87:
                changes = {0x04: a + k, 0x54: a & k, 0x74: a >> k, 0x0C: a + x, 0x87: x}
                a = changes[code]
            case 0x06:
                return k
            case 0x16:
                return a
            case _:
                raise AssertionError(hex(code))


@pytest.mark.parametrize("tags", [0, 1])
@pytest.mark.parametrize("protocol", [TCP, UDP])
@pytest.mark.parametrize(("source", "target"), [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")])
@pytest.mark.parametrize("options", [0, 3, 10])
def test_what_is_copied_ends_where_the_headers_do(
    tags: int, protocol: int, source: str, target: str, options: int
) -> None:
    packet = Packet(0.0, source, target, protocol=protocol, payload=1000)
    ip_options = options if "." in source else 0
    tcp_options = options if protocol == TCP else 0
    headers = frame(packet, tags=tags, ip_options=ip_options, tcp_options=tcp_options)
    assert copied(headers + b"s" * 1000) == len(headers) <= MAX_HEADER_BYTES


def test_the_longest_headers_fit_a_frame_of_the_ring() -> None:
    assert FRAME_HEADER_BYTES + MAX_HEADER_BYTES <= FRAME_BYTES


@pytest.mark.parametrize(
    "packet",
    [
        frame(Packet(0.0, protocol=1, payload=40)),  # ICMP
        bytes(12) + b"\x08\x06" + bytes(46),  # ARP
        frame(Packet(0.0), tags=2),
        frame(Packet(0.0))[:14] + b"E\x00\x05\xdc\x00\x01\x00\xb9" + bytes(60),  # a later fragment
        frame(Packet(0.0, "fd00::1", "fd00::2", protocol=0)),  # IPv6 with an extension header
        b"",
    ],
)
def test_nothing_of_other_packets_is_copied(packet: bytes) -> None:
    assert copied(packet) == 0
