"""Tell the scheduler a story and see what it commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from pcm.core.commands import Cancel, Command, Dispatch, Finish, GiveUp, Load, Retire
from pcm.core.events import (
    BatchDone,
    BatchLost,
    Capacity,
    Event,
    ItemsAdded,
    ItemsDone,
    LossCause,
    ReplicaChanged,
    RunClosed,
    RunOpened,
    Tick,
    WorkerJoined,
    WorkerLeft,
)
from pcm.core.policy import Policy
from pcm.core.scheduler import Scheduler

C = TypeVar("C", bound=Command)

CONTEXT = "model"


class Story:
    """A scheduler that checks its invariants, a clock, and all commands so far."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.scheduler = Scheduler(policy, validate=True)
        self.now = 0.0
        self.commands: list[Command] = []

    def tell(self, *events: Event, after: float = 0.0) -> list[Command]:
        """The commands in answer to these events, which happen ``after`` seconds from now."""
        self.now += after
        answer: list[Command] = []
        for event in events:
            answer += self.scheduler.handle(event, self.now)
        self.commands += answer
        return answer

    def all(self, kind: type[C]) -> list[C]:
        return [command for command in self.commands if isinstance(command, kind)]

    # -- what usually happens --------------------------------------------------------------------

    def join(self, *workers: str, kind: str = "cpu", **capacity: Any) -> list[Command]:
        return self.tell(*[WorkerJoined(w, Capacity(kind=kind, **capacity)) for w in workers])

    def open(
        self,
        items: int | Sequence[float] = 0,
        run: str = "run",
        *,
        context: str = CONTEXT,
        close: bool = True,
        finished: Any = None,
        **options: Any,
    ) -> list[Command]:
        costs = np.ones(items) if isinstance(items, int) else np.asarray(items, float)
        answer = self.tell(RunOpened(run, context, **options))
        if len(costs):
            answer += self.tell(ItemsAdded(run, costs, finished))
        if close:
            answer += self.tell(RunClosed(run))
        return answer

    def warm(
        self, *workers: str, context: str = CONTEXT, after: float = 0.0, memory_bytes: int = 0
    ) -> list[Command]:
        return self.tell(
            *[
                ReplicaChanged(w, context, "gpu", "warm", max(after, 1.0), memory_bytes)
                for w in workers
            ],
            after=after,
        )

    def start(self, items: int | Sequence[float], *workers: str, **options: Any) -> list[Dispatch]:
        """Workers join and load the context, and a run is opened: the first dispatches."""
        self.join(*workers)
        commands = self.open(items, **options)
        commands += self.warm(*workers)
        return [c for c in commands if isinstance(c, Dispatch)]

    def finish(
        self, dispatch: Dispatch, seconds: float = 1.0, *, overhead_seconds: float = 0.005
    ) -> list[Command]:
        """The batch is done, every item finished, after ``seconds`` of work."""
        self.now += seconds + overhead_seconds
        return self.tell(
            ItemsDone(dispatch.batch, tuple(range(dispatch.item_count))),
            BatchDone(dispatch.batch, run_seconds=seconds),
        )

    def lose(
        self,
        dispatch: Dispatch,
        cause: LossCause = "replica_died",
        *,
        done: int = 0,
        started: bool = True,
    ) -> list[Command]:
        """The batch is lost with its first ``done`` items finished."""
        answer = self.tell(ItemsDone(dispatch.batch, tuple(range(done)))) if done else []
        return answer + self.tell(BatchLost(dispatch.batch, cause, started))

    def leave(self, worker: str, cause: Any = "evicted") -> list[Command]:
        return self.tell(WorkerLeft(worker, cause))

    def tick(self, after: float) -> list[Command]:
        return self.tell(Tick(), after=after)

    def tick_when_due(self) -> list[Command]:
        """At the time for which the scheduler asked to be woken."""
        due = self.scheduler.next_deadline()
        assert due is not None
        return self.tick(max(0.0, due - self.now))


def only(commands: Sequence[Command], kind: type[C]) -> C:
    """The one command of this kind; fails if there are more or none."""
    found = [command for command in commands if isinstance(command, kind)]
    assert len(found) == 1, commands
    return found[0]


def none(commands: Sequence[Command], *kinds: type[Command]) -> bool:
    return not any(isinstance(command, kinds) for command in commands)


__all__ = ["CONTEXT", "Cancel", "Finish", "GiveUp", "Load", "Retire", "Story", "none", "only"]
