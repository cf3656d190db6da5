"""No context management: each batch loads the model for itself, and leaves nothing behind."""

from __future__ import annotations

from pcm.engines.simulated.baselines.base import Seat
from pcm.engines.simulated.baselines.warm import FirstComeWarm


class ColdEveryBatch(FirstComeWarm):
    def batch_done(self, seat: Seat) -> None:
        for context in sorted(seat.warm):
            self.evict(seat, context)
