"""What everybody computes: items that sleep, on machines of several speeds, with a kill schedule.

Only the standard library is used here and in all that workers of the peers import: each system runs
by a Python of its own.
"""

from __future__ import annotations

import json
import random
from typing import NamedTuple

_PRIME = 1_000_003


class Workload(NamedTuple):
    """By default that of the whole evaluation, without kills."""

    items: int = 4000
    mean_seconds: float = 0.02
    """Of an item, on a machine of speed 1."""
    sigma: float = 1.0
    """Of the logarithm of the cost."""
    seed: int = 1
    """Of the costs, and of the order in which machines are killed."""
    speeds: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0)
    load_seconds: float = 5.0
    kill_every_seconds: float = 0.0
    """0: never."""
    away_seconds: float = 2.0
    """After a kill, until somebody may load on that machine again."""
    limit_seconds: float = 60.0
    """Who has not finished then is stopped."""

    def costs(self) -> list[float]:
        """Seconds on a machine of speed 1, for every item; their mean is exact."""
        chance = random.Random(self.seed)
        raw = [chance.lognormvariate(0.0, self.sigma) for _ in range(self.items)]
        scale = self.mean_seconds * self.items / sum(raw)
        return [cost * scale for cost in raw]

    def victims(self) -> list[int]:
        """The numbers of the machines, in the order in which they are killed, again and again."""
        order = list(range(len(self.speeds)))
        random.Random(self.seed + 1).shuffle(order)
        return order

    def batches(self, size: int) -> list[list[int]]:
        """All items, cut into batches."""
        return [
            list(range(start, min(start + size, self.items)))
            for start in range(0, self.items, size)
        ]

    def dump(self) -> str:
        return json.dumps(self._asdict())

    @classmethod
    def parse(cls, text: str) -> Workload:
        """Raises TypeError or ValueError for what ``dump`` did not write."""
        fields = json.loads(text)
        return cls(**fields | {"speeds": tuple(fields["speeds"])})


def answer(item: int) -> int:
    """What computing an item gives."""
    return item * item % _PRIME
