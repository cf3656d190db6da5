"""A context as the core knows it: who needs it, where it is, and where it will not load."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pcm.core.events import Capacity, Requirements

if TYPE_CHECKING:
    from pcm.core.run import Run


@dataclass(slots=True)
class Exclusion:
    """A worker on which the context is not to be loaded for a while."""

    kind: Literal["loader", "died"]
    error: str
    since: float
    until: float
    level: int = 1
    """How many times in a row it has come to this."""


class IdleWorkers:
    """Workers with the context warm and nothing to do, the fastest first.

    Entries are not removed when a worker gets busy but when they are met: whoever takes one must
    check that it is still true.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str]] = []
        self._present: set[str] = set()

    def __len__(self) -> int:
        return len(self._heap)

    def __contains__(self, worker: str) -> bool:
        return worker in self._present

    def push(self, slowness: float, order: int, worker: str) -> None:
        if worker not in self._present:
            self._present.add(worker)
            heapq.heappush(self._heap, (slowness, order, worker))

    def pop(self) -> str | None:
        if not self._heap:
            return None
        worker = heapq.heappop(self._heap)[2]
        self._present.remove(worker)
        return worker


@dataclass(slots=True, eq=False)
class Context:
    id: str
    name: str
    requirements: Requirements
    order: int
    runs: dict[str, Run] = field(default_factory=dict)
    """The runs that need it and are not over."""
    warm: dict[str, None] = field(default_factory=dict)
    """Available workers that have it warm."""
    loading: dict[str, None] = field(default_factory=dict)
    """Available workers that are loading it."""
    parked: dict[str, None] = field(default_factory=dict)
    """Available workers that have it in their host's memory."""
    serving: dict[str, int] = field(default_factory=dict)
    """Available workers that have or load it, counted by kind."""
    reserved: dict[str, None] = field(default_factory=dict)
    """Workers that will load it once they are free."""
    holders: int = 0
    """Workers with a replica of it, in whatever state, available or not."""
    idle: IdleWorkers = field(default_factory=IdleWorkers)
    shallow: dict[str, None] = field(default_factory=dict)
    """Workers that have it warm and whose one batch will soon be done: candidates to prefetch."""
    busy: list[tuple[float, int, str]] = field(default_factory=list)
    """Heap of (predicted end, batch, worker); holds batches that are over until they are met."""
    latest: list[tuple[float, int]] = field(default_factory=list)
    """Heap of (minus predicted end, batch), as lazily kept: which batch ends last."""
    exclusions: dict[str, Exclusion] = field(default_factory=dict)
    uses: int = 0
    """How many runs have asked for it."""
    level: float = 0.0
    """What its worth starts from, as it was when it was last asked for (``pcm.core.giving_up``)."""
    memory_bytes: int = 0
    """The most that a replica was seen to use."""
    parks: bool = False
    """Whether a loaded one can be offloaded, as its worker says..."""
    stuck: bool = False
    """...unless one could not be, or did not come back."""
    parked_bytes: int = 0
    """What one that was last parked still took of the memory that replicas share."""
    host_bytes: int = 0
    """The most that a parked one was seen to take of a host's memory beside an accelerator."""
    loaded_at: float | None = None
    """When it last became warm anywhere."""
    has_finished: bool = False
    """Whether any item was ever finished on it."""
    starved_since: float | None = None
    """Since when it has work and no worker."""

    @property
    def can_park(self) -> bool:
        return self.parks and not self.stuck

    def size_of(self) -> int:
        """Workers that have it, load it or are about to."""
        return len(self.warm) + len(self.loading) + len(self.reserved)

    def needs_on(self, capacity: Capacity) -> int:
        """Memory that a replica will take of such a worker, in bytes: as seen, else as declared;
        without either a GPU is taken whole, and other memory is not counted. Of a GPU it is the
        larger, since engines in processes of their own are not seen."""
        if capacity.gpus:
            declared = self.requirements.gpu_memory_bytes
            return max(self.memory_bytes, declared) or capacity.gpu_memory_bytes
        return self.memory_bytes or self.requirements.memory_bytes

    def excluded(self, worker: str, now: float) -> bool:
        exclusion = self.exclusions.get(worker)
        return exclusion is not None and now < exclusion.until
