"""How the worker's own TCP connections fare, by what the kernel tells of each (TCP_INFO)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import ClassVar, NamedTuple

from workers.telemetry.base import Reading, Sampler
from workers.telemetry.quantiles import quantile
from workers.telemetry.tally import Tally

INFO_BYTES = 256
_FIELDS = {
    "rtt": ("I", 68),
    "total_retrans": ("I", 100),
    "rwnd_limited": ("Q", 176),
    "delivered_ce": ("I", 196),
    "rcv_ooopack": ("I", 224),
    "total_rto": ("H", 240),
}
"""Type and offset in ``struct tcp_info`` (``linux/tcp.h``), times in microseconds. Older kernels
give less of it."""
OURS = {
    "total_retrans": "egress.retransmits_per_second",
    "rcv_ooopack": "ingress.out_of_order_per_second",
}
PEERS = {
    "total_retrans": "fabric.retransmits_per_second",
    "total_rto": "fabric.timeouts_per_second",
    "delivered_ce": "fabric.ecn_marks_per_second",
}
_LIMITED = "rwnd_limited", "fabric.stall_share"


class Connection(NamedTuple):
    """One connection as it is now."""

    key: int
    """Of this connection for as long as it lives."""
    place: str
    """Empty for one with the manager, ``eth0>w2`` for one with another worker."""
    info: bytes
    backlog_bytes: int
    """Written and not acknowledged."""


class TcpInfo(Sampler):
    """``connections`` gives those that there are."""

    signals: ClassVar[frozenset[str]] = frozenset(
        {*OURS.values(), *PEERS.values()}
        | {"egress.backlog_bytes", "fabric.latency_seconds", _LIMITED[1]}
    )

    def __init__(
        self,
        connections: Callable[[], Iterable[Connection]],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._connections = connections
        self._close = close
        self._tally = Tally()
        self._known: set[int] = set()

    def read(self, now_seconds: float) -> list[Reading]:
        tally = self._tally
        round_trips: dict[str, list[float]] = {}
        before, self._known = self._known, set()
        for connection in self._connections():
            self._known.add(connection.key)
            place = connection.place
            for name, signal in (PEERS if place else OURS).items():
                self._count(connection, name, signal, now_seconds)
            if place:
                self._count(connection, *_LIMITED, now_seconds, factor=1e-6, greatest=True)
                if (round_trip := _field(connection.info, "rtt")) is not None:
                    round_trips.setdefault(place, []).append(round_trip * 1e-6)
            else:
                tally.add("egress.backlog_bytes", "", float(connection.backlog_bytes))
        for place, seconds in round_trips.items():
            tally.add("fabric.latency_seconds", place, quantile(sorted(seconds), 0.5))
        for key in before - self._known:
            for name in _FIELDS:
                tally.forget((key, name))
        return tally.take()

    def _count(
        self,
        connection: Connection,
        name: str,
        signal: str,
        now_seconds: float,
        *,
        factor: float = 1.0,
        greatest: bool = False,
    ) -> None:
        value = _field(connection.info, name)
        if value is not None:
            self._tally.count(
                (connection.key, name),
                value,
                now_seconds,
                signal,
                connection.place,
                factor=factor,
                greatest=greatest,
            )

    def close(self) -> None:
        self._close()


def _field(info: bytes, name: str) -> int | None:
    kind, offset = _FIELDS[name]
    if len(info) < offset + struct.calcsize(kind):
        return None
    return int(struct.unpack_from(kind, info, offset)[0])
