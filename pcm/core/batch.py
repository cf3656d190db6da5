"""A batch: a lease on some items of a run, held by one worker."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal

import numpy as np
import numpy.typing as npt

from pcm.core.commands import Ranges

BatchStatus = Literal["queued", "running", "cancelling", "ended"]

OPEN, FINISHED, FAILED = range(3)


@dataclass(slots=True, eq=False)
class Batch:
    """Live from Dispatch until it is done or lost. Times are the core's clock, in seconds."""

    id: int
    run: str
    worker: str
    context: str
    ranges: Ranges
    attempt: int
    count: int
    cost: float
    predicted_seconds: float | None
    """Its work at the worker's measured speed; None while that is unknown."""
    patience_seconds: float
    """How long it may go without progress."""
    dispatched_at: float
    status: BatchStatus = "queued"
    started_at: float | None = None
    """When it became the first in its replica's queue, as the core sees it."""
    first_progress_at: float | None = None
    deadline: float | None = None
    cancel_reason: Literal["deadline", "cancelled"] | None = None
    twin: Batch | None = None
    """The other of two live batches that hold the same items: a late one and its copy."""
    beaten: bool = False
    """Its copy, or what it is a copy of, has brought all outcomes: nobody waits for it."""
    open: int = 0
    """How many items have no outcome yet."""
    outcomes: bytearray = field(default_factory=bytearray)
    """By position: OPEN, FINISHED or FAILED."""

    def __post_init__(self) -> None:
        self.open = self.count
        self.outcomes = bytearray(self.count)

    @property
    def alone(self) -> bool:
        return self.count == 1

    @property
    def items(self) -> npt.NDArray[np.int64]:
        """The item indices by position, shape (count,)."""
        return np.concatenate([np.arange(start, stop) for start, stop in self.ranges])

    def item_at(self, position: int) -> int:
        """The item's index in its run. Raises IndexError if the batch has no such position."""
        if not 0 <= position < self.count:
            raise IndexError(f"batch {self.id} has {self.count} items, no position {position}")
        if len(self.ranges) == 1:
            return self.ranges[0][0] + position
        ends = list(accumulate(stop - start for start, stop in self.ranges))
        index = bisect_right(ends, position)
        return self.ranges[index][1] - (ends[index] - position)

    def position_of(self, item: int) -> int | None:
        """Where the item is in the batch; None if it is not."""
        before = 0
        for start, stop in self.ranges:
            if start <= item < stop:
                return before + item - start
            before += stop - start
        return None

    def close(self, item: int, outcome: int) -> None:
        """The item has its outcome from elsewhere."""
        position = self.position_of(item)
        if position is not None and self.outcomes[position] == OPEN:
            self.outcomes[position] = outcome
            self.open -= 1

    def part(self) -> None:
        """What is left of it is its own again."""
        if self.twin is not None:
            self.twin.twin = None
            self.twin = None

    def open_items(self) -> list[int]:
        """The items without an outcome, in the order of the batch."""
        outcomes = self.outcomes
        if self.open == self.count:
            return [item for start, stop in self.ranges for item in range(start, stop)]
        items, position = [], 0
        for start, stop in self.ranges:
            for item in range(start, stop):
                if outcomes[position] == OPEN:
                    items.append(item)
                position += 1
        return items
