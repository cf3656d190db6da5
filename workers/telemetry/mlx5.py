"""Counters of NVIDIA's network cards, by their Ethernet interfaces and their RDMA ports."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

from workers.telemetry import interfaces, nic_counters
from workers.telemetry.base import Reading, Sampler
from workers.telemetry.ethtool import Ethtool, driver
from workers.telemetry.kept_file import KeptFile
from workers.telemetry.nic_counters import Counter
from workers.telemetry.tally import Tally

DRIVERS = frozenset(("mlx5_core", "mlx5e_rep"))
MAX_PORTS = 16


class _Source(NamedTuple):
    """One interface or port. ``byte_counters``: those of its two directions."""

    place: str
    bits_per_second: float
    byte_counters: tuple[str, ...]
    table: dict[str, Counter]


class Mlx5(Sampler):
    """May take some milliseconds: the firmware is asked."""

    signals: ClassVar[frozenset[str]] = nic_counters.SIGNALS

    def __init__(
        self,
        cards: list[tuple[_Source, Ethtool]],
        ports: list[tuple[_Source, dict[str, KeptFile]]],
    ) -> None:
        self._cards = cards
        self._ports = ports
        self._tally = Tally()

    @classmethod
    def find(
        cls, network: str = "/sys/class/net", rdma: str = "/sys/class/infiniband"
    ) -> Self | None:
        cards = []
        for name in _names(network):
            if driver(name, network) in DRIVERS and (ethtool := Ethtool.find(name)) is not None:
                speed = interfaces.bits_per_second(name, network)
                both = nic_counters.RX_BYTES, nic_counters.TX_BYTES
                cards.append((_Source(name, speed, both, nic_counters.ETHTOOL), ethtool))
        folders = [f"{rdma}/{name}/ports" for name in _names(rdma)]
        ports = [_open_port(f"{ports}/{port}") for ports in folders for port in _names(ports)]
        ports = [(source, files) for source, files in ports if files][:MAX_PORTS]
        return cls(cards, ports) if cards or ports else None

    def read(self, now_seconds: float) -> list[Reading]:
        for source, ethtool in self._cards:
            wanted = {*source.table, *source.byte_counters}
            indices = [index for index, name in enumerate(ethtool.names) if name in wanted]
            with contextlib.suppress(OSError):
                for index, value in ethtool.values(indices):
                    self._count(source, ethtool.names[index], value, now_seconds)
        for source, files in self._ports:
            for name, file in files.items():
                if (number := file.number()) is not None:
                    self._count(source, name, number, now_seconds)
        return self._tally.take()

    def close(self) -> None:
        for _, ethtool in self._cards:
            ethtool.close()
        for _, files in self._ports:
            for file in files.values():
                file.close()

    def _count(self, source: _Source, name: str, value: int, now_seconds: float) -> None:
        counter = source.table.get(name)
        if counter is None:
            if not source.bits_per_second:
                return
            bytes_each = nic_counters.WORD_BYTES if name.startswith("port_") else 1
            factor = 8 * bytes_each / source.bits_per_second
            counter = Counter(nic_counters.UTILISATION, factor=factor, greatest=True)
        self._tally.count(
            (source.place, name),
            value,
            now_seconds,
            counter.signal,
            source.place if counter.of_link else "",
            factor=counter.factor,
            greatest=counter.greatest,
        )


def _open_port(folder: str) -> tuple[_Source, dict[str, KeptFile]]:
    """An RDMA port, its place named for its network interface, if it has one. On Ethernet the
    interface counts the port's bytes and errors too, so they are not asked for here."""
    device = Path(folder).parents[1]
    beside = _names(str(device / "device" / "net"))
    wanted = [("hw_counters", name) for name in nic_counters.HARDWARE]
    both: tuple[str, ...] = ()
    if _text(f"{folder}/link_layer") == "InfiniBand":
        both = nic_counters.PORT_RX_WORDS, nic_counters.PORT_TX_WORDS
        wanted += [("counters", name) for name in (*nic_counters.PORT, *both)]
    files = {
        name: file
        for directory, name in wanted
        if (file := KeptFile.find(f"{folder}/{directory}/{name}")) is not None
    }
    table = nic_counters.HARDWARE | nic_counters.PORT
    place = beside[0] if beside else device.name
    return _Source(place, _rate(_text(f"{folder}/rate")), both, table), files


def _rate(text: str) -> float:
    """Bits per second of ``100 Gb/sec (4X EDR)``; 0 if it says something else."""
    number, _, rest = text.partition(" ")
    try:
        return float(number) * 1e9 if rest.startswith("Gb/sec") else 0.0
    except ValueError:
        return 0.0


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
