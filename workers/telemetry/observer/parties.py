"""Who is who: the addresses of workers and of ranks, as the observer was told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.telemetry.observer.flows import address_number

MAX_PARTIES = 250
OTHERS = 0
"""The number of everyone who was not named."""


class Rank(NamedTuple):
    group: str
    number: int

    @property
    def place(self) -> str:
        return f"{self.group}:{self.number}"


class Parties:
    """Numbers of named workers, from 1. Where no worker is named, whatever the interface leads to
    is one, by the interface's name."""

    def __init__(
        self,
        workers: Mapping[str, Iterable[str]],
        ranks: Mapping[Rank, str],
        interface: str = "",
        *,
        outgoing_is_inward: bool = True,
    ) -> None:
        """``workers``: addresses by name. ``ranks``: an address each. ``outgoing_is_inward``: what
        leaves through the interface goes to the worker, as it does outside its host. Raises
        ValueError for what is no address, and for two parties with one address."""
        self.names = [""]
        self.ranks: dict[Rank, int] = {}
        """Parties by rank."""
        self.inward = outgoing_is_inward
        self._by_address: dict[tuple[int, int], int] = {}
        for name, addresses in workers.items():
            self.names.append(name)
            for address in addresses:
                self._claim(address_number(address), len(self.names) - 1)
        self.by_interface = not workers and not ranks
        if self.by_interface:
            self.names.append(interface)
        for rank, address in ranks.items():
            number = self._by_address.get(address_number(address), 0)
            if not number:
                self.names.append(rank.place)
                number = len(self.names) - 1
                self._claim(address_number(address), number)
            if number in self.ranks.values():
                raise ValueError(f"{address} is the address of two ranks; each needs its own")
            self.ranks[rank] = number
        if len(self.names) > MAX_PARTIES:
            raise ValueError(f"{len(self.names)} workers and ranks: at most {MAX_PARTIES}")

    def __len__(self) -> int:
        """With OTHERS."""
        return len(self.names)

    @property
    def groups(self) -> dict[str, list[tuple[Rank, int]]]:
        """Ranks in order, with their parties."""
        found: dict[str, list[tuple[Rank, int]]] = {}
        for rank, party in sorted(self.ranks.items()):
            found.setdefault(rank.group, []).append((rank, party))
        return found

    def of(self, addresses: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """The party of each address, shape (n, 2)."""
        known = self._by_address
        return np.array([known.get((high, low), 0) for high, low in addresses.tolist()], np.uint8)

    def _claim(self, address: tuple[int, int], number: int) -> None:
        if self._by_address.setdefault(address, number) != number:
            raise ValueError("two workers have the same address; each needs its own")
