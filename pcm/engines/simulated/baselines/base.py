"""What the baselines share: who is there, what waits, what is where."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from pcm.core.commands import Command, Dispatch, Evict, Load
from pcm.core.events import (
    BatchDone,
    BatchLost,
    Event,
    ItemsAdded,
    ItemsDone,
    ReplicaChanged,
    ReplicaFailed,
    RunOpened,
    WorkerJoined,
    WorkerLeft,
    WorkerNotice,
)
from pcm.core.items import spans_of


@dataclass(eq=False)
class Seat:
    """A worker. ``batch``: what it was given, which it may still have to load for."""

    id: str
    kind: str
    order: int
    warm: set[str] = field(default_factory=set)
    loading: set[str] = field(default_factory=set)
    had: set[str] = field(default_factory=set)
    """Contexts whose files are there."""
    batch: Batch | None = None
    leaving: bool = False
    idle_since: float = 0.0


@dataclass(eq=False)
class Batch:
    run: str
    context: str
    start: int
    stop: int
    id: int = 0
    """0 until it is sent."""
    done: set[int] = field(default_factory=set)
    """Positions with a result."""


class Baseline(ABC):
    """``batch_items``: how many items each batch has."""

    def __init__(self, batch_items: int) -> None:
        self.batch_items = batch_items
        self.now = 0.0
        self.seats: dict[str, Seat] = {}
        self.waiting: deque[Batch] = deque()
        self.contexts: dict[str, str] = {}
        """By run."""
        self._free: dict[str, Seat] = {}
        self._sent: dict[int, Seat] = {}
        self._items: dict[str, int] = {}
        self._batches = self._joined = 0
        self._commands: list[Command] = []

    @abstractmethod
    def assign(self) -> None:
        """Give waiting batches to workers, by ``give``."""

    def next_deadline(self) -> float | None:
        return None

    def handle(self, event: Event, now: float) -> list[Command]:
        self.now = now
        self._take_in(event)
        self.assign()
        commands, self._commands = self._commands, []
        return commands

    # -- for assign ------------------------------------------------------------------------------

    def free(self) -> list[Seat]:
        """Workers that were given nothing."""
        return list(self._free.values())

    def give(self, seat: Seat, batch: Batch) -> None:
        """It is to run this batch; its context is loaded before, if need be."""
        seat.batch = batch
        self._free.pop(seat.id, None)
        self._go_on(seat)

    def evict(self, seat: Seat, context: str) -> None:
        seat.warm.discard(context)
        self._commands.append(Evict(seat.id, context, 0))

    # -- what happened ---------------------------------------------------------------------------

    def _go_on(self, seat: Seat) -> None:
        """Send the batch if its context is there, else see that it comes."""
        batch = seat.batch
        assert batch is not None
        if batch.context not in seat.warm:
            if batch.context not in seat.loading:
                seat.loading.add(batch.context)
                self._commands.append(Load(seat.id, batch.context, 0))
            return
        self._batches += 1
        batch.id, batch.done = self._batches, set()
        self._sent[batch.id] = seat
        ranges = ((batch.start, batch.stop),)
        self._commands.append(
            Dispatch(batch.id, batch.run, seat.id, batch.context, ranges, 1, 0, 0.0)
        )

    def _take_in(self, event: Event) -> None:
        match event:
            case WorkerJoined():
                self._joined += 1
                seat = Seat(event.worker, event.capacity.kind, self._joined, idle_since=self.now)
                self.seats[event.worker] = self._free[event.worker] = seat
            case WorkerNotice():
                self.seats[event.worker].leaving = True
                self._free.pop(event.worker, None)
            case WorkerLeft():
                self._free.pop(event.worker, None)
                self._left(self.seats.pop(event.worker))
            case ReplicaChanged():
                self._replica_changed(event)
            case ReplicaFailed() if event.worker in self.seats:
                self.seats[event.worker].warm.discard(event.context)
            case RunOpened():
                self.contexts[event.run] = event.context
            case ItemsAdded():
                self.items_added(event.run, len(event.costs))
            case ItemsDone() if event.batch in self._sent:
                batch = self._sent[event.batch].batch
                assert batch is not None
                batch.done.update(event.finished)
            case BatchDone() if event.batch in self._sent:
                seat = self._sent.pop(event.batch)
                seat.batch, seat.idle_since = None, self.now
                self._index(seat)
                for context in self.given_up(seat):
                    self.evict(seat, context)
            case BatchLost() if event.batch in self._sent:
                seat = self._sent[event.batch]
                self._left(seat)
                self._index(seat)
            case _:
                pass

    def _index(self, seat: Seat) -> None:
        if seat.id in self.seats and not seat.leaving:
            self._free[seat.id] = seat

    def given_up(self, seat: Seat) -> Sequence[str]:
        """The contexts that a worker is to forget when it has done its batch."""
        return ()

    def items_added(self, run: str, number: int) -> None:
        first = self._items.get(run, 0)
        self._items[run] = first + number
        for start in range(first, first + number, self.batch_items):
            stop = min(start + self.batch_items, first + number)
            self.waiting.append(Batch(run, self.contexts[run], start, stop))

    def _replica_changed(self, event: ReplicaChanged) -> None:
        seat = self.seats.get(event.worker)
        if seat is None or event.status != "warm":
            return
        seat.loading.discard(event.context)
        seat.warm.add(event.context)
        seat.had.add(event.context)
        if seat.batch is not None and not seat.batch.id and not seat.leaving:
            self._go_on(seat)

    def _left(self, seat: Seat) -> None:
        """What it had not finished waits again, before all others."""
        batch, seat.batch = seat.batch, None
        if batch is None:
            return
        self._sent.pop(batch.id, None)
        rest = [i for i in range(batch.start, batch.stop) if i - batch.start not in batch.done]
        for start, stop in reversed(spans_of(rest)):
            self.give_back(seat, Batch(batch.run, batch.context, start, stop))

    def give_back(self, seat: Seat, batch: Batch) -> None:
        self.waiting.appendleft(batch)
