"""How much is measured."""

from __future__ import annotations

from typing import NamedTuple


class Plan(NamedTuple):
    """By default all of it."""

    rounds: int = 5
    round_trips: int = 200
    """In a round, each way."""
    batches_one: int = 600
    """Batches in a round through one worker, each way."""
    batches_many: int = 1600
    """The same through ``many`` workers."""
    many: int = 8
    idle_starts: int = 64
    """Starts on an idle pool, for engine and manager each."""
    idle_least_seconds: float = 1.5
    """A pool has been idle for so long at least; TaskVine's own timers have whole seconds."""
    kills: int = 8
    idle_workers: tuple[int, ...] = (1, 200)
    idle_seconds: float = 10.0


FULL = Plan()
QUICK = FULL._replace(
    rounds=2,
    round_trips=5,
    batches_one=10,
    batches_many=20,
    many=2,
    idle_starts=4,
    idle_least_seconds=0.1,
    kills=1,
    idle_workers=(1, 3),
    idle_seconds=0.5,
)
"""As little as shows that it works."""
