"""TaskVine's own choice, as its source has it (7.14.5, ``vine_schedule.c``, ``vine_manager.c``).

A worker's priority is how many bytes of the call's input files it holds: workers that ever had the
context are alike, whether it is still loaded or not, and of those any is taken. Before a worker is
given anything, every idle library there that is not the one needed is ended.
"""

from __future__ import annotations

from pcm.engines.simulated.baselines.base import Seat
from pcm.engines.simulated.baselines.warm import RandomWarm


class TaskVineOwn(RandomWarm):
    def pick(self, free: list[Seat], context: str) -> Seat:
        cached = [seat for seat in free if context in seat.had] or free
        seat = cached[int(self._rng.integers(len(cached)))]
        for other in sorted(seat.warm - {context}):
            self.evict(seat, other)
        return seat
