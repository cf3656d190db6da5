"""A run as the core knows it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from pcm.core.batch import Batch
from pcm.core.commands import RunOutcome
from pcm.core.events import RunOpened
from pcm.core.items import Items
from pcm.core.suspects import Suspects
from pcm.core.worker import Worker

MEASURED_WITH_PREFIX = 64


class Ended(NamedTuple):
    """What is left of a run that is over."""

    context: str
    items: int
    finished: int
    failed: int
    waiting: int


@dataclass(slots=True, eq=False)
class Run:
    id: str
    opened: RunOpened
    order: int
    context: str
    opened_at: float
    items: Items = field(default_factory=Items)
    suspects: Suspects = field(default_factory=Suspects)
    batches: dict[int, Batch] = field(default_factory=dict)
    """Its live batches."""
    failures: dict[int, int] = field(default_factory=dict)
    """How often the task raised for an item that has no final outcome yet."""
    closed: bool = False
    paused: bool = False
    """The user wants it to rest: it gets no new batches."""
    ending: tuple[RunOutcome, str] | None = None
    """How it will end once its batches are back, where that is not by completion."""
    outcome: RunOutcome | None = None
    """Set once it is over."""
    served_seconds: float = 0.0
    """Predicted worker time given to it: runs take turns by this."""
    latest_cost: float = 0.0
    """Of the batch that was sent last."""
    pure: bool = False
    """Whether a batch of it was measured that found its prefix's state on its worker..."""
    with_prefix: deque[tuple[Worker, float, float]] = field(
        default_factory=lambda: deque(maxlen=MEASURED_WITH_PREFIX)
    )
    """...and the (worker, seconds, cost) of those before that did not."""
    largest_cost: dict[str, float] = field(default_factory=dict)
    """By kind of worker: the cost of the dearest batch that was finished."""
    batch_items_max: int | None = None
    """No batch may have more items: one of about twice as many was more than a message can hold."""
    streams: bool | None = None
    """Whether its task gives results as it goes; None until a batch has shown it."""

    @property
    def task(self) -> str:
        """What it shares with runs of the same task."""
        return self.opened.task or self.id

    @property
    def has_demand(self) -> bool:
        waits = self.items.counts[0] > 0 and not self.paused
        return waits and self.ending is None and self.outcome is None
