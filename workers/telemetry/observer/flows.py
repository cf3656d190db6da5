"""The flows that are watched: which packet belongs to which, in a table of fixed size.

A flow has two rows, one per direction: 2 * flow, and 2 * flow + 1. Where the table is full, those
that were quiet for longest make room, an eighth of it at a time, and are counted.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from workers.telemetry.observer.headers import Packets

DEFAULT_FLOWS = 4096
MAX_FLOWS = 1 << 15
IDLE_NS = 120_000_000_000

_ONE = np.uint64(0x9E3779B97F4A7C15)
_TWO = np.uint64(0xC2B2AE3D27D4EB4F)
_SHIFT = np.uint64(29)

Forget = Callable[[NDArray[np.int64]], None]
"""Told of flows before their rows become others'."""


class Flows:
    """``evicted`` counts those that were given up though they may go on."""

    def __init__(self, capacity: int, forget: Forget) -> None:
        """Raises ValueError for a capacity out of range."""
        if not 8 <= capacity <= MAX_FLOWS:
            raise ValueError(f"a table of {capacity} flows: from 8 to {MAX_FLOWS} there may be")
        self.capacity = capacity
        self.evicted = 0
        self._forget = forget
        self._index: dict[int, int] = {}
        self._keys = np.zeros(capacity, np.uint64)
        self._last_ns = np.zeros(capacity, np.int64)
        self._free = list(range(capacity - 1, -1, -1))
        # Nobody can choose ports so that flows fall together.
        self._seed = np.uint64(secrets.randbits(64))
        self.address = np.zeros((2 * capacity, 2), np.uint64)
        """Of each row's sender."""
        self.port = np.zeros(2 * capacity, np.uint16)
        self.interface = np.zeros(2 * capacity, np.uint8)
        """On which its packets were seen last."""

    def __len__(self) -> int:
        return len(self._index)

    def place(self, packets: Packets) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The row of each packet, and the flows that are new. At most ``capacity`` / 8 flows may be
        new at once for all of them to be kept; of what exceeds that the rows are -1."""
        source = self._end(packets.source_high, packets.source_low, packets.source_port)
        target = self._end(packets.target_high, packets.target_low, packets.target_port)
        turned = source > target
        keys = _mixed(np.minimum(source, target), np.maximum(source, target))
        keys = _mixed(keys, packets.protocol.astype(np.uint64))
        found, first, of = np.unique(keys, return_index=True, return_inverse=True)
        flows = np.empty(len(found), np.int64)
        fresh: list[int] = []
        index = self._index
        for number, key in enumerate(found.tolist()):
            flow = index.get(key, -1)
            flows[number] = flow
            if flow < 0:
                fresh.append(number)
        known = flows[flows >= 0]
        self._last_ns[known] = packets.time_ns[-1] if len(packets) else 0
        new = self._added(found, flows, fresh, packets, first, turned) if fresh else known[:0]
        rows = flows[of] * 2 + turned
        rows[flows[of] < 0] = -1
        return rows, new

    def _added(
        self,
        found: NDArray[np.uint64],
        flows: NDArray[np.int64],
        fresh: list[int],
        packets: Packets,
        first: NDArray[np.int64],
        turned: NDArray[np.bool_],
    ) -> NDArray[np.int64]:
        while len(self._free) < len(fresh) and self._make_room(keep=flows[flows >= 0]):
            pass
        refused = fresh[len(self._free) :]
        self.evicted += len(refused)
        fresh = fresh[: len(self._free)]
        for number in fresh:
            flow = flows[number] = self._free.pop()
            self._index[int(found[number])] = int(flow)
        new = flows[fresh]
        self._keys[new] = found[fresh]
        self._last_ns[new] = packets.time_ns[-1]
        for number in fresh:
            packet, flow = first[number], flows[number]
            source, target = 2 * flow + turned[packet], 2 * flow + 1 - turned[packet]
            self.address[source] = packets.source_high[packet], packets.source_low[packet]
            self.address[target] = packets.target_high[packet], packets.target_low[packet]
            self.port[source], self.port[target] = (
                packets.source_port[packet],
                packets.target_port[packet],
            )
        return new

    def _make_room(self, keep: NDArray[np.int64]) -> bool:
        """Whether there was anything to give up."""
        mask = np.zeros(self.capacity, bool)
        mask[list(self._index.values())] = True
        mask[keep] = False
        candidates = np.flatnonzero(mask)
        count = min(len(candidates), max(1, self.capacity // 8))
        if not count:
            return False
        quiet = candidates[np.argpartition(self._last_ns[candidates], count - 1)[:count]]
        self.evicted += count
        self._drop(quiet)
        return True

    def expire(self, now_ns: int) -> None:
        """Flows that were quiet for so long that they have ended."""
        used = np.fromiter(self._index.values(), np.int64, len(self._index))
        old = used[now_ns - self._last_ns[used] > IDLE_NS]
        if len(old):
            self._drop(old)

    def _drop(self, flows: NDArray[np.int64]) -> None:
        self._forget(flows)
        for flow in flows.tolist():
            del self._index[int(self._keys[flow])]
            self._free.append(flow)

    def _end(
        self, high: NDArray[np.uint64], low: NDArray[np.uint64], port: NDArray[np.uint16]
    ) -> NDArray[np.uint64]:
        return _mixed(_mixed(_mixed(self._seed, high), low), port.astype(np.uint64))

    def name(self, row: int) -> str:
        """``10.0.0.1:5000``, the row's sender."""
        return f"{address_text(*self.address[row].tolist())}:{self.port[row]}"


def _mixed(one: NDArray[np.uint64] | np.uint64, other: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = (one ^ other) * _ONE
    mixed = (mixed ^ (mixed >> _SHIFT)) * _TWO
    result: NDArray[np.uint64] = mixed ^ (mixed >> _SHIFT)
    return result


def address_number(text: str) -> tuple[int, int]:
    """High and low half of an address, IPv4 as ::ffff:0:0/96. Raises ValueError."""
    address = ipaddress.ip_address(text)
    number = int(address) | (0xFFFF << 32 if address.version == 4 else 0)
    return number >> 64, number & (1 << 64) - 1


def address_text(high: int, low: int) -> str:
    """Its counterpart."""
    address = ipaddress.IPv6Address(high << 64 | low)
    return str(address.ipv4_mapped or (f"[{address}]"))
