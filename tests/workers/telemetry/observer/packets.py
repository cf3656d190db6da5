"""Packets made by hand: as columns, and as bytes."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from workers.telemetry.observer.flows import address_number
from workers.telemetry.observer.headers import ACK, NO_ID, PSH, TCP, UDP, Packets

A, B = "10.0.0.1", "10.0.0.2"
BEGIN_NS = 1_700_000_000_000_000_000


class Packet(NamedTuple):
    """One packet; ``at`` is in seconds after ``BEGIN_NS``."""

    at: float
    source: str = A
    target: str = B
    source_port: int = 1000
    target_port: int = 2000
    protocol: int = TCP
    payload: int = 0
    flags: int = ACK | PSH
    sequence: int = 0
    acknowledged: int = 0
    window: int = 1000
    identification: int = NO_ID
    ecn: int = 0
    outgoing: bool = False


def columns(packets: Iterable[Packet]) -> Packets:
    given = list(packets)
    made = Packets.empty(len(given))
    for index, packet in enumerate(given):
        made.time_ns[index] = BEGIN_NS + round(packet.at * 1e9)
        made.source_high[index], made.source_low[index] = address_number(packet.source)
        made.target_high[index], made.target_low[index] = address_number(packet.target)
        made.source_port[index], made.target_port[index] = packet.source_port, packet.target_port
        made.protocol[index], made.flags[index] = packet.protocol, packet.flags
        made.payload_bytes[index] = packet.payload
        made.ip_bytes[index] = packet.payload + 40
        made.sequence[index] = packet.sequence & 0xFFFFFFFF
        made.acknowledged[index] = packet.acknowledged & 0xFFFFFFFF
        made.window[index], made.ecn[index] = packet.window, packet.ecn
        made.identification[index] = packet.identification
        made.outgoing[index] = packet.outgoing
    return made


def frame(
    packet: Packet, *, tags: int = 0, ip_options: int = 0, tcp_options: int = 0, filler: bytes = b""
) -> bytes:
    """From the Ethernet header on; options in units of 4 bytes. ``filler`` stands for payload."""
    source, target = ipaddress.ip_address(packet.source), ipaddress.ip_address(packet.target)
    if packet.protocol == UDP:
        transport = struct.pack(
            ">HHHH", packet.source_port, packet.target_port, 8 + packet.payload, 0
        )
    else:
        transport = struct.pack(
            ">HHIIBBHHH",
            packet.source_port,
            packet.target_port,
            packet.sequence & 0xFFFFFFFF,
            packet.acknowledged & 0xFFFFFFFF,
            (5 + tcp_options) << 4,
            packet.flags,
            packet.window,
            0,
            0,
        ) + bytes(4 * tcp_options)
    length = len(transport) + packet.payload
    if source.version == 4:
        header = struct.pack(
            ">BBHHHBBH4s4s",
            0x40 | 5 + ip_options,
            packet.ecn,
            20 + 4 * ip_options + length,
            max(0, packet.identification),
            0x4000,
            64,
            packet.protocol,
            0,
            source.packed,
            target.packed,
        ) + bytes(4 * ip_options)
    else:
        header = struct.pack(
            ">IHBB16s16s",
            6 << 28 | packet.ecn << 20,
            length,
            packet.protocol,
            64,
            source.packed,
            target.packed,
        )
    kind = 0x0800 if source.version == 4 else 0x86DD
    return b"".join(
        [bytes(12), b"\x81\x00\x00\x07" * tags, struct.pack(">H", kind), header, transport, filler]
    )


def matrix(
    frames: list[bytes], width: int = 256
) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    made = np.zeros((len(frames), width), np.uint8)
    for index, content in enumerate(frames):
        made[index, : len(content)] = np.frombuffer(content, np.uint8)
    return made
