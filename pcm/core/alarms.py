"""When something must be looked at again: one alarm per key, in a heap."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

Key = tuple[str, ...]


class Alarms:
    """An alarm goes off once, at its time or later. Setting it again can only make it earlier:
    whoever is woken too soon sets it anew. So an extended deadline costs nothing."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, Key]] = []
        self._at: dict[Key, float] = {}

    def set(self, key: Key, at: float) -> None:
        present = self._at.get(key)
        if present is None or at < present:
            self._at[key] = at
            heapq.heappush(self._heap, (at, key))

    def clear(self, key: Key) -> None:
        self._at.pop(key, None)

    def next(self) -> float | None:
        """The time of the earliest alarm."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def due(self, now: float) -> Iterator[Key]:
        """Take the keys of all alarms up to ``now``."""
        self._drop_stale()
        while self._heap and self._heap[0][0] <= now:
            _, key = heapq.heappop(self._heap)
            del self._at[key]
            yield key
            self._drop_stale()

    def _drop_stale(self) -> None:
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
