"""No context management: each batch loads the model for itself, and leaves nothing behind."""

from __future__ import annotations

from pcm.engines.simulated.baselines.base import Seat
from pcm.engines.simulated.baselines.warm import FirstComeWarm


class ColdEveryBatch(FirstComeWarm):
    def given_up(self, seat: Seat) -> list[str]:
        return sorted(seat.warm)
