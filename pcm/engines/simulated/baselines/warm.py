"""Contexts stay loaded; whoever is warm goes first."""

from __future__ import annotations

import numpy as np

from pcm.engines.simulated.baselines.base import Baseline, Seat


class FirstComeWarm(Baseline):
    """The warm worker that has been idle longest; a cold one where no warm one is free."""

    def assign(self) -> None:
        free = self.free()
        while self.waiting and free:
            batch = self.waiting.popleft()
            seat = self.pick(free, batch.context)
            free.remove(seat)
            self.give(seat, batch)

    def pick(self, free: list[Seat], context: str) -> Seat:
        return min(free, key=lambda s: (context not in s.warm, s.idle_since, s.order))


class RandomWarm(FirstComeWarm):
    """Any warm worker; any cold one where no warm one is free."""

    def __init__(self, batch_items: int, seed: int = 0) -> None:
        super().__init__(batch_items)
        self._rng = np.random.default_rng(seed)

    def pick(self, free: list[Seat], context: str) -> Seat:
        warm = [seat for seat in free if context in seat.warm] or free
        return warm[int(self._rng.integers(len(warm)))]
