"""How much is measured."""

from __future__ import annotations

from typing import NamedTuple


class Plan(NamedTuple):
    """All of it, or as little as shows that it works."""

    rounds: int
    round_trips: int
    """In a round, each way."""
    batches_one: int
    """Batches in a round through one worker, each way."""
    batches_many: int
    """The same through ``many`` workers."""
    many: int
    idle_starts: int
    """Starts on an idle pool, for engine and manager each."""
    idle_least_seconds: float
    """A pool has been idle for so long at least; TaskVine's own timers have whole seconds."""
    kills: int
    idle_workers: tuple[int, ...]
    idle_seconds: float


FULL = Plan(
    rounds=5,
    round_trips=200,
    batches_one=600,
    batches_many=1600,
    many=8,
    idle_starts=64,
    idle_least_seconds=1.5,
    kills=8,
    idle_workers=(1, 200),
    idle_seconds=10.0,
)
QUICK = Plan(
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
