"""The contract of an engine: it carries orders to workers and brings back what happened.

An engine decides nothing and remembers little. It is driven by one thread, the manager's loop:
``order`` never blocks for long, ``events`` waits until something happened, ``wake`` may be called
from any thread and makes a waiting ``events`` return. (The design speaks of a queue of events; one
blocking call per turn is the same contract without a second thread fighting for the interpreter.)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, Protocol

import msgspec

from pcm.core.commands import Command, Ranges
from pcm.core.events import Event
from pcm.engines.invitation import Invitation
from workers.protocol import ItemResult, Telemetry, Tree


class ContextCargo(msgspec.Struct, frozen=True):
    """What a worker needs to load a context (see ``workers.protocol.LoadContext``)."""

    name: str
    payload: bytes
    imports: tuple[str, ...] = ()
    timeout_seconds: float = 600.0
    trees: tuple[Tree, ...] = ()
    ranks: int = 1


class TaskCargo(msgspec.Struct, frozen=True):
    """What a worker needs to run a task (see ``workers.protocol.DefineTask``)."""

    task: str
    name: str
    payload: bytes


class Cargo(Protocol):
    """Where an engine gets the goods that commands only name, at the moment of shipping."""

    def context(self, context: str) -> ContextCargo: ...

    def task(self, run: str) -> TaskCargo: ...

    def items(self, run: str, ranges: Ranges) -> list[bytes]: ...


class Delivery(msgspec.Struct, frozen=True):
    """Results that came from a worker. The manager makes them durable, then tells the core."""

    worker: str
    batch: int
    results: list[ItemResult]


class Observed(msgspec.Struct, frozen=True):
    """What was read of a worker; the core hears of it only if something follows from it."""

    worker: str
    telemetry: Telemetry


class LogLine(msgspec.Struct, frozen=True):
    """Something a person may want to read; no decision depends on it."""

    worker: str
    text: str


class FileCame(msgspec.Struct, frozen=True):
    """A file of a context has come whole to a worker: so many bytes of it from there. TaskVine
    does not tell which of several workers it was. No decision depends on it."""

    worker: str
    context: str
    source: Literal["manager", "worker"]
    size_bytes: int


Happening = Event | Delivery | Observed | LogLine | FileCame


class Engine(ABC):
    """Carries batches to workers."""

    pool: str = "local"
    """The pool that ``Provision`` names to have workers started by this engine."""
    takes_workers_from_outside: bool = False
    carries_files: bool = False
    """Whether it brings workers the files of contexts (``ContextCargo.trees``)."""
    made_of: Mapping[str, Any] = MappingProxyType({})
    """``engine`` and ``engine_options`` by which ``make_engine`` made it, as plain data and without
    the number of workers; empty if it was made otherwise."""

    def default_workers(self) -> int:
        """How many workers to keep where the user gave no number."""
        return 1

    @abstractmethod
    def start(self, cargo: Cargo) -> None:
        """Get ready to take orders. Starts no workers: those come by ``Provision``.

        Raises pcm.errors.EngineError if this machine lacks what the engine needs.
        """

    @abstractmethod
    def order(self, command: Command) -> None:
        """Carry out Load, Evict, Dispatch, Cancel, Retire or Provision; others are not for engines.

        An order for a worker that is gone is dropped: its WorkerLeft is on the way.
        """

    def stagger(self, *, one_by_one: bool) -> None:  # noqa: B027 - an engine may bring no files
        """Have files brought to workers one by one, because a link is full; or as before."""

    def invitation(self) -> Invitation | None:
        """How workers from outside reach it, once it is started; None if it takes none.

        The same object until that changes. Safe from any thread.
        """
        return None

    def flush(self) -> None:  # noqa: B027 - an engine that does not buffer has nothing to do
        """Send what ``order`` may have buffered; called once per turn of the loop."""

    @abstractmethod
    def events(self, timeout_seconds: float | None) -> list[Happening]:
        """What happened since the last call, in order; waits for the first up to the timeout.

        For every batch: Deliveries first, then exactly one BatchDone or BatchLost, unless its
        worker leaves. After WorkerLeft nothing more is said of that worker.
        """

    @abstractmethod
    def wake(self) -> None:
        """Make a waiting (or else the next) ``events`` return at once. Safe from any thread."""

    @abstractmethod
    def stop(self, grace_seconds: float = 0.0) -> None:
        """End all workers and free everything. Safe to call twice; leaves no process behind."""
