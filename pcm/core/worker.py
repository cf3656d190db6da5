"""A worker as the core knows it: what it offers, what it holds and what it was given."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Literal

from pcm.core.batch import Batch
from pcm.core.events import Capacity, Requirements

ReplicaState = Literal["absent", "loading", "warm", "offloading", "parked", "draining"]

Signature = tuple[str, str, int, int, int]
"""Workers that can hold the same contexts and are of one kind and zone."""


@dataclass(slots=True)
class Replica:
    """One context on one worker. An absent replica has no record."""

    context: str
    status: ReplicaState
    since: float
    memory_bytes: int
    """What it is held to need on this worker, or what it still takes while it is parked."""
    host_bytes: int = 0
    """What it takes of the host's memory beside an accelerator, since it was first parked."""
    returning: bool = False
    """Whether it is loading from the host's memory."""
    kept: frozenset[str] = frozenset()
    """Tasks of which it keeps state of their own."""
    staged_since: float | None = None
    """Since when it waits for its files, if it does."""

    def become(self, status: ReplicaState, now: float) -> Replica:
        """Its status from now on; only ``pcm.core.lifecycle`` says so."""
        self.status, self.since = status, now
        return self


@dataclass(slots=True, eq=False)
class Worker:
    id: str
    capacity: Capacity
    order: int
    """Its place in the order of joining."""
    joined_at: float
    available: bool = True
    """False once it is to go or about to: nothing more is sent to it."""
    going: str = ""
    """Why it is not available."""
    replicas: dict[str, Replica] = field(default_factory=dict)
    queues: dict[str, list[Batch]] = field(default_factory=dict)
    """Live batches by context, in the order of dispatch; no empty lists."""
    live: int = 0
    """How many batches are in the queues."""
    unsettled: int = 0
    """How many replicas are loading, offloading or draining."""
    finished: int = 0
    """How many items it has finished."""
    deaths: dict[str, int] = field(default_factory=dict)
    """By context: how often its replica died since it last finished an item."""
    pardoned: set[str] = field(default_factory=set)
    """Contexts whose replica we ended ourselves by taking back what it ran."""
    leaves_at: float = inf
    """When it has to go, if that is known beforehand."""
    at_risk: bool = False
    """Whether it counts among those that may be evicted."""
    skew: float = 1.0
    skew_since: float = -inf
    """When it rose last, or was over: a batch that began before tells of neither state."""
    slowness: float = 1.0
    """Its measured seconds per cost over the mean of all workers: the order of preference."""
    ahead: str | None = None
    """The context that it does not load yet but is, or was, brought the files of..."""
    ahead_since: float = 0.0
    """...and since when."""
    without_ahead: set[str] = field(default_factory=set)
    """Contexts whose files could not be brought ahead."""
    reserved: str | None = None
    """The context that it is to load when it has finished what it was given."""

    @property
    def signature(self) -> Signature:
        c = self.capacity
        return (c.kind, c.zone, c.gpus, c.gpu_memory_bytes, c.memory_bytes)

    @property
    def memory_bytes(self) -> int:
        """What replicas share: the GPU's memory, or the machine's where there is no GPU."""
        c = self.capacity
        return c.gpu_memory_bytes if c.gpus else c.memory_bytes

    def free_memory_bytes(self) -> int:
        return self.memory_bytes - sum(r.memory_bytes for r in self.replicas.values())

    def is_parked(self, context: str) -> bool:
        replica = self.replicas.get(context)
        return replica is not None and replica.status == "parked"

    def can_load(self, context: str) -> bool:
        """Whether it is not there, or parked."""
        return context not in self.replicas or self.is_parked(context)

    def is_warm(self, context: str) -> bool:
        replica = self.replicas.get(context)
        return replica is not None and replica.status == "warm"

    def stays_seconds(self, now: float) -> float:
        """Until it has to go, as far as that is known. One that should be gone and is not stays."""
        return self.leaves_at - now if now < self.leaves_at else inf

    def free_in(self, now: float) -> float:
        """Predicted seconds until it has done all that it was given. A batch that is late is
        held to take as long again as it is late."""
        longest = 0.0
        for queue in self.queues.values():
            total = 0.0
            for batch in queue:
                predicted = batch.predicted_seconds or 0.0
                if batch.started_at is not None:
                    predicted = abs(predicted - (now - batch.started_at))
                total += predicted
            longest = max(longest, total)
        return longest


def suits(capacity: Capacity, needs: Requirements) -> bool:
    """Whether such a worker, all its own, could hold a context. Memory of a GPU counts only where
    there is one: a context that cannot do without says so by ``gpus``."""
    return (
        capacity.gpus >= needs.gpus
        and (capacity.gpus == 0 or capacity.gpu_memory_bytes >= needs.gpu_memory_bytes)
        and (needs.memory_bytes == 0 or capacity.memory_bytes >= needs.memory_bytes)
    )
