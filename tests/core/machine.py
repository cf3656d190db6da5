"""The parts of the cluster in virtual time: a worker, and a batch on it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from pcm.core.commands import Dispatch
from pcm.core.events import Capacity


@dataclass
class Job:
    """A batch on a worker."""

    order: Dispatch
    items: list[int]
    done: int = 0
    told: int = 0
    started_at: float | None = None
    queued_at: float = 0.0
    over: bool = False


@dataclass
class Machine:
    """A worker: ``seconds`` per unit of cost, ``load_seconds`` per context."""

    id: str
    capacity: Capacity
    seconds: float
    load_seconds: float
    warm: set[str] = field(default_factory=set)
    loading: dict[str, float] = field(default_factory=dict)
    """How long each takes."""
    offloading: set[str] = field(default_factory=set)
    parked: set[str] = field(default_factory=set)
    jobs: dict[str, list[Job]] = field(default_factory=lambda: defaultdict(list))
    alive: bool = True
    busy_seconds: float = 0.0

    def forget(self, context: str) -> None:
        """Wherever it is."""
        self.loading.pop(context, None)
        for place in (self.warm, self.offloading, self.parked):
            place.discard(context)
