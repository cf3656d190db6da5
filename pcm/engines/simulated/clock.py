"""Virtual time: deeds in the order of their times, and of their being set among equals."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

Deed = Callable[[], None]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self._deeds: list[tuple[float, int, Deed]] = []
        self._number = count()

    def at(self, seconds: float, deed: Deed) -> None:
        """Do so at that time; what would lie in the past is done next."""
        heapq.heappush(self._deeds, (max(seconds, self.now), next(self._number), deed))

    def after(self, seconds: float, deed: Deed) -> None:
        self.at(self.now + seconds, deed)

    def next(self) -> float | None:
        return self._deeds[0][0] if self._deeds else None

    def step(self) -> None:
        """Go to the next deed and do it."""
        self.now, _, deed = heapq.heappop(self._deeds)
        deed()
