"""Headers of IPv4, IPv6, TCP and UDP as columns: one step for thousands of packets.

Where segmentation is left to the interface, which is usual on a veth, one packet is up to 64 KiB
long; lengths come from the IP header, and from the interface where that cannot hold them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

TCP, UDP = 6, 17
FIN, SYN, RST, PSH, ACK, ECE = 0x01, 0x02, 0x04, 0x08, 0x10, 0x40
MARKED = 3
"""ECN bits of a packet that met congestion (RFC 3168)."""
NO_ID = -1

_MAPPED = np.uint64(0xFFFF) << np.uint64(32)
"""An IPv4 address is kept as IPv6 has it, behind ::ffff:0:0."""
_IPV6_BYTES = 40
_TAG_BYTES = 4


@dataclass
class Packets:
    """Columns, all of one length, in the order of arrival."""

    time_ns: NDArray[np.int64]
    outgoing: NDArray[np.bool_]
    """Towards what the interface leads to; else it comes from there."""
    interface: NDArray[np.uint8]
    source_high: NDArray[np.uint64]
    source_low: NDArray[np.uint64]
    target_high: NDArray[np.uint64]
    target_low: NDArray[np.uint64]
    source_port: NDArray[np.uint16]
    target_port: NDArray[np.uint16]
    protocol: NDArray[np.uint8]
    ip_bytes: NDArray[np.int64]
    """With headers, from the IP header on."""
    payload_bytes: NDArray[np.int64]
    ecn: NDArray[np.uint8]
    identification: NDArray[np.int32]
    """Of IPv4; NO_ID where it is 0 or there is none."""
    flags: NDArray[np.uint8]
    sequence: NDArray[np.uint32]
    acknowledged: NDArray[np.uint32]
    window: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.time_ns)

    def select(self, which: NDArray[Any] | slice) -> Packets:
        """Some of them: a mask, indices or a slice."""
        return Packets(**{name: column[which] for name, column in self._columns()})

    def _columns(self) -> list[tuple[str, NDArray[Any]]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]

    @classmethod
    def empty(cls, count: int) -> Packets:
        """All zero."""
        return cls(**{name: np.zeros(count, kind) for name, kind in _KINDS.items()})

    @classmethod
    def joined(cls, parts: list[Packets]) -> Packets:
        """Several, in the order of their times."""
        if len(parts) == 1:
            return parts[0]
        whole = cls(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in _KINDS}
        )
        return whole.select(np.argsort(whole.time_ns, kind="stable"))


_KINDS: dict[str, type] = {
    "time_ns": np.int64,
    "outgoing": np.bool_,
    "interface": np.uint8,
    "source_high": np.uint64,
    "source_low": np.uint64,
    "target_high": np.uint64,
    "target_low": np.uint64,
    "source_port": np.uint16,
    "target_port": np.uint16,
    "protocol": np.uint8,
    "ip_bytes": np.int64,
    "payload_bytes": np.int64,
    "ecn": np.uint8,
    "identification": np.int32,
    "flags": np.uint8,
    "sequence": np.uint32,
    "acknowledged": np.uint32,
    "window": np.uint16,
}


def parse(
    frames: NDArray[np.uint8],
    network: NDArray[Any],
    end: NDArray[Any],
    network_bytes: NDArray[Any],
    time_ns: NDArray[np.int64],
    outgoing: NDArray[np.bool_],
    interface: int = 0,
    *,
    keep: NDArray[np.bool_] | None = None,
) -> Packets:
    """Packets whose headers are whole and of a known kind; others are left out.

    ``frames``: shape (packets, bytes). Of each, ``network`` is where what follows the Ethernet
    header begins, ``end`` is where the copy ends, and ``network_bytes`` is how long the packet was
    from ``network`` on. ``keep`` leaves out the rest.
    """
    packets = Packets.empty(len(frames))
    packets.time_ns[:] = time_ns
    packets.outgoing[:] = outgoing
    packets.interface[:] = interface
    good = np.zeros(len(frames), bool)
    rows = np.arange(len(frames))
    starts = network.astype(np.int64)
    # A second tag, or one that the interface left in the packet, lies before the IP header.
    if (first := frames[rows, starts] >> 4).size and not np.isin(first, (4, 6)).all():
        inner = frames[rows, np.minimum(starts + _TAG_BYTES, frames.shape[1] - 1)] >> 4
        tagged = ~np.isin(first, (4, 6)) & np.isin(inner, (4, 6))
        starts = starts + _TAG_BYTES * tagged
        network_bytes = network_bytes - _TAG_BYTES * tagged
    # By where their IP header begins and what kind it is: nearly always all are alike.
    layout = starts << 8 | frames[rows, starts]
    for number in np.unique(layout):
        which = layout == number
        if keep is not None:
            which &= keep
        some: Any = slice(None) if which.all() else np.flatnonzero(which)
        start, version, words = int(number) >> 8, (int(number) >> 4) & 15, int(number) & 15
        if version == 4 and words >= 5:
            good[some] = _ipv4(packets, frames, some, start, words * 4, end, network_bytes)
        elif version == 6:
            good[some] = _ipv6(packets, frames, some, start, end, network_bytes)
    return packets if good.all() else packets.select(good)


def _ipv4(
    packets: Packets,
    frames: NDArray[np.uint8],
    some: Any,
    start: int,
    header_bytes: int,
    end: NDArray[Any],
    network_bytes: NDArray[Any],
) -> NDArray[np.bool_]:
    def field(offset: int, kind: str) -> NDArray[Any]:
        return _field(frames, some, start + offset, kind)

    told = field(2, ">u2").astype(np.int64)
    packets.ip_bytes[some] = np.where(told == 0, network_bytes[some], told)
    packets.ecn[some] = field(1, "u1") & 3
    marks = field(4, ">u2").astype(np.int32)
    packets.identification[some] = np.where(marks == 0, NO_ID, marks)
    packets.source_low[some] = field(12, ">u4").astype(np.uint64) | _MAPPED
    packets.target_low[some] = field(16, ">u4").astype(np.uint64) | _MAPPED
    packets.protocol[some] = field(9, "u1")
    is_first = field(6, ">u2") & 0x1FFF == 0
    sound: NDArray[np.bool_] = is_first & _transport(
        packets, frames, some, start, header_bytes, end
    )
    return sound


def _ipv6(
    packets: Packets,
    frames: NDArray[np.uint8],
    some: Any,
    start: int,
    end: NDArray[Any],
    network_bytes: NDArray[Any],
) -> NDArray[np.bool_]:
    def field(offset: int, kind: str) -> NDArray[Any]:
        return _field(frames, some, start + offset, kind)

    told = field(4, ">u2").astype(np.int64)
    packets.ip_bytes[some] = np.where(told == 0, network_bytes[some], told + _IPV6_BYTES)
    packets.ecn[some] = field(1, "u1") >> 4 & 3
    packets.identification[some] = NO_ID
    packets.source_high[some] = field(8, ">u8")
    packets.source_low[some] = field(16, ">u8")
    packets.target_high[some] = field(24, ">u8")
    packets.target_low[some] = field(32, ">u8")
    packets.protocol[some] = field(6, "u1")
    return _transport(packets, frames, some, start, _IPV6_BYTES, end)


def _transport(
    packets: Packets,
    frames: NDArray[np.uint8],
    some: Any,
    network: int,
    network_header_bytes: int,
    end: NDArray[Any],
) -> NDArray[np.bool_]:
    start = network + network_header_bytes
    width = frames.shape[1]
    if start + 20 > width:
        return np.zeros(len(packets.protocol[some]), bool)

    def field(offset: int, kind: str) -> NDArray[Any]:
        return _field(frames, some, start + offset, kind)

    is_tcp = packets.protocol[some] == TCP
    is_udp = packets.protocol[some] == UDP
    header_bytes = np.where(is_tcp, (field(12, "u1") >> 4).astype(np.int64) * 4, 8)
    packets.source_port[some] = field(0, ">u2")
    packets.target_port[some] = field(2, ">u2")
    payload = packets.ip_bytes[some] - network_header_bytes - header_bytes
    packets.payload_bytes[some] = payload
    # Of UDP what lies there is not these.
    packets.sequence[some] = np.where(is_tcp, field(4, ">u4"), 0)
    packets.acknowledged[some] = np.where(is_tcp, field(8, ">u4"), 0)
    packets.flags[some] = np.where(is_tcp, field(13, "u1"), 0)
    packets.window[some] = np.where(is_tcp, field(14, ">u2"), 0)
    whole = end[some] >= start + np.where(is_tcp, 20, 8)
    sound: NDArray[np.bool_] = (is_tcp & (header_bytes >= 20)) | is_udp
    sound &= whole & (payload >= 0)
    return sound


def _field(frames: NDArray[np.uint8], some: Any, offset: int, kind: str) -> NDArray[Any]:
    size = np.dtype(kind).itemsize
    return frames[some, offset : offset + size].view(kind)[:, 0]
