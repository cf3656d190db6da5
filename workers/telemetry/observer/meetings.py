"""The collectives of all groups, from the packets between their ranks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workers.telemetry.observer.collectives import Collectives, Meeting
from workers.telemetry.observer.parties import Parties


class Meetings:
    """By group; ranks in the order of their numbers."""

    def __init__(self, parties: Parties, quiet_seconds: float | None) -> None:
        self._groups: dict[str, tuple[NDArray[np.int64], Collectives]] = {}
        for name, ranks in parties.groups.items():
            index = np.full(len(parties), -1, np.int64)
            for number, (_, party) in enumerate(ranks):
                index[party] = number
            self._groups[name] = index, Collectives(len(ranks), quiet_seconds)

    @property
    def dropped(self) -> int:
        return sum(one.dropped for _, one in self._groups.values())

    def add(
        self,
        time_ns: NDArray[np.int64],
        sender: NDArray[np.uint8],
        target: NDArray[np.uint8],
        has_payload: NDArray[np.bool_],
    ) -> None:
        """Packets in the order of time, with the parties at their ends."""
        for index, collectives in self._groups.values():
            which = (index[sender] >= 0) & (index[target] >= 0) & has_payload
            if which.any():
                collectives.add(time_ns[which], index[sender[which]])

    def take(self, now_ns: int) -> dict[str, list[Meeting]]:
        """Those that are over, once each."""
        return {name: one.take(now_ns) for name, (_, one) in self._groups.items()}

    def silent_ns(self, now_ns: int) -> dict[str, NDArray[np.int64]]:
        """Of each rank: since its last packet, if others wait for it; else 0."""
        return {name: one.silent_ns(now_ns) for name, (_, one) in self._groups.items()}
