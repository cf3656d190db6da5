"""What engines have in common that keep a reactor and talk to each worker in frames of orders."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from pcm.core.commands import Command, Provision, Retire
from pcm.engines.base import Cargo, Engine, Happening
from pcm.engines.orders import add_orders
from pcm.engines.reactor import Reactor
from pcm.engines.worker import Worker
from workers.protocol import Leave

W = TypeVar("W", bound=Worker)


class CrewEngine(Engine, Generic[W]):
    """Commands become orders in ``outgoing`` of the worker that they name; ``flush`` of the engine
    sends them. Between ``start`` and ``stop`` there are a reactor and a cargo."""

    _cargo: Cargo

    def __init__(self, *, grace_seconds: float) -> None:
        """``grace_seconds``: what a worker that is retired may take for what is running."""
        self._grace_seconds = grace_seconds
        self._workers: dict[str, W] = {}
        self._unsent: set[W] = set()
        """Those with something outgoing."""
        self._reactor: Reactor | None = None

    def order(self, command: Command) -> None:
        if self._reactor is None:
            return
        if isinstance(command, Provision):
            self._provision(command)
            return
        worker = self._workers.get(getattr(command, "worker", ""))
        if worker is None:
            return
        if not isinstance(command, Retire):
            self._add_orders(command, worker)
        elif command.force:
            worker.asked_to_leave = True
            worker.outgoing.clear()
            self._kill(worker)
        else:
            worker.asked_to_leave = True
            worker.outgoing.append(Leave(self._grace_seconds))
        if worker.outgoing:
            self._unsent.add(worker)

    def _add_orders(self, command: Command, worker: W) -> None:
        self._happen(add_orders(command, worker, self._cargo))

    @abstractmethod
    def _kill(self, worker: W) -> None:
        """End it without asking."""

    @abstractmethod
    def _start_workers(self, count: int) -> None:
        """So many more; those that cannot be, or not yet, are told of or remembered."""

    def _provision(self, command: Provision) -> None:
        assert self._reactor is not None
        if command.after_seconds > 0:
            self._reactor.call_later(
                command.after_seconds, lambda: self._start_workers(command.workers)
            )
        else:
            self._start_workers(command.workers)

    def events(self, timeout_seconds: float | None) -> list[Happening]:
        return [] if self._reactor is None else self._reactor.wait(timeout_seconds)

    def wake(self) -> None:
        reactor = self._reactor
        if reactor is not None:
            reactor.wake()

    def _happen(self, happened: Sequence[Happening]) -> None:
        assert self._reactor is not None
        self._reactor.happened += happened

    def _await_leaving(self, seconds: float) -> None:
        """Let workers finish what is running; what they say meanwhile is not heard any more."""
        for worker in self._workers.values():
            worker.asked_to_leave = True
            worker.outgoing = [Leave(seconds)]
            self._unsent.add(worker)
        deadline = time.monotonic() + seconds
        while self._workers and time.monotonic() < deadline:
            self.events(max(0.0, deadline - time.monotonic()))
