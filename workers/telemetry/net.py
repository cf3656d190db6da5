"""What passes the worker's interfaces, and how its network namespace's TCP fares.

Both count for everybody in the namespace, so other workers on the machine are in it too. Drops are
those for want of room: ``rx_dropped`` is left out, for it grows with every packet of a protocol
that nobody here speaks. What comes twice shows only where it was not needed (a DSACK was sent).
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple, Self

from workers.telemetry import interfaces
from workers.telemetry.base import Reading, Sampler
from workers.telemetry.kept_file import KeptFile
from workers.telemetry.protocols import Protocols
from workers.telemetry.tally import Tally

STATISTICS = {
    "rx_bytes": "ingress.bytes_per_second",
    "tx_bytes": "egress.bytes_per_second",
    "rx_missed_errors": "ingress.drops_per_second",
    "rx_fifo_errors": "ingress.drops_per_second",
    "tx_dropped": "egress.drops_per_second",
    "tx_fifo_errors": "egress.drops_per_second",
    "rx_crc_errors": "link.errors_per_second",
    "rx_frame_errors": "link.errors_per_second",
}
SNMP = {"RetransSegs": "egress.retransmits_per_second"}
NETSTAT = {
    "TCPDSACKOldSent": "ingress.retransmits_per_second",
    "TCPDSACKOfoSent": "ingress.retransmits_per_second",
    "TCPOFOQueue": "ingress.out_of_order_per_second",
    "TCPBacklogDrop": "ingress.drops_per_second",
    "TCPRcvQDrop": "ingress.drops_per_second",
}
_UTILISATION = "link.utilisation"


class _Interface(NamedTuple):
    name: str
    bits_per_second: float
    files: dict[str, KeptFile]


class Net(Sampler):
    signals: ClassVar[frozenset[str]] = frozenset(
        {*STATISTICS.values(), *SNMP.values(), *NETSTAT.values(), _UTILISATION}
    )

    def __init__(
        self, found: list[_Interface], protocols: list[tuple[Protocols, dict[str, str]]]
    ) -> None:
        self._interfaces = found
        self._protocols = protocols
        self._tally = Tally()

    @classmethod
    def find(cls, protocols: str = "/proc/net", classes: str = "/sys/class/net") -> Self | None:
        """Interfaces are those in use now."""
        found = [_open(name, classes) for name in interfaces.in_use(protocols, classes)]
        tables: list[tuple[Protocols, dict[str, str]]] = []
        for name, protocol, wanted in (("snmp", "Tcp", SNMP), ("netstat", "TcpExt", NETSTAT)):
            file = KeptFile.find(f"{protocols}/{name}")
            if file is not None:
                tables.append((Protocols(file, {protocol: tuple(wanted)}), wanted))
        return cls(found, tables) if found or tables else None

    def read(self, now_seconds: float) -> list[Reading]:
        tally = self._tally
        for interface in self._interfaces:
            for statistic, file in interface.files.items():
                value = file.number()
                if value is None:
                    continue
                signal = STATISTICS[statistic]
                place = interface.name if signal.startswith("link.") else ""
                key = interface.name, statistic
                tally.count(key, value, now_seconds, signal, place)
                if interface.bits_per_second and statistic in ("rx_bytes", "tx_bytes"):
                    tally.count(
                        (*key, "bits"),
                        value * 8,
                        now_seconds,
                        _UTILISATION,
                        interface.name,
                        factor=1.0 / interface.bits_per_second,
                        greatest=True,
                    )
        for protocols, signals in self._protocols:
            for name, value in protocols.read().items():
                tally.count(name, value, now_seconds, signals[name], "")
        return tally.take()

    def close(self) -> None:
        for interface in self._interfaces:
            for file in interface.files.values():
                file.close()
        for protocols, _ in self._protocols:
            protocols.close()


def _open(name: str, classes: str) -> _Interface:
    files = {
        statistic: file
        for statistic in STATISTICS
        if (file := KeptFile.find(f"{classes}/{name}/statistics/{statistic}")) is not None
    }
    return _Interface(name, interfaces.bits_per_second(name, classes), files)
