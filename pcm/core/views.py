"""What the manager may see of the core: copies, so that nobody can change it from outside."""

from __future__ import annotations

import msgspec

from pcm.core.estimates import Estimates
from pcm.core.events import Capacity, Event, ReplicaChanged, WorkerJoined, WorkerNotice
from pcm.core.run import Ended, Run
from pcm.core.state import State
from pcm.core.worker import ReplicaState, Worker


class Progress(msgspec.Struct, frozen=True):
    """Where a run stands. Items of earlier sittings count as finished."""

    items: int
    finished: int
    failed: int
    in_flight: int
    waiting: int
    eta_seconds: float | None
    """Until the present workers have done the rest; None while their speed is unknown."""
    workers: int = 0
    """Workers that are there."""
    warm_workers: int = 0
    """Those of them that have the run's context loaded."""
    loading_workers: int = 0
    paused: bool = False
    """Whether its user wants it to rest; then nobody knows how long it takes."""


class WorkerView(msgspec.Struct, frozen=True):
    """A worker as the core sees it."""

    worker: str
    capacity: Capacity
    available: bool
    going: str
    """Why nothing more is sent to it; empty if it is available."""
    contexts: dict[str, ReplicaState]
    batches: tuple[int, ...]
    """Its live batches, in the order of dispatch per context."""
    items_in_flight: int
    items_finished: int
    skew: float
    joined_at: float
    """By the core's clock, in seconds."""


def progress_of(run: Run, state: State, estimates: Estimates) -> Progress:
    items = run.items
    total = estimates.speeds(run).total(state.contexts[run.context].serving)
    rest = items.waiting_cost + items.in_flight_cost
    eta = rest / total if total > 0.0 else None if items.waiting + items.in_flight else 0.0
    if run.paused:
        eta = None
    return Progress(
        len(items),
        items.finished,
        items.failed,
        items.in_flight,
        items.waiting,
        eta,
        *_workers(run.context, state),
        paused=run.paused,
    )


def progress_at_end(run: Ended, state: State) -> Progress:
    counts = run.items, run.finished, run.failed, 0, run.waiting
    return Progress(*counts, 0.0, *_workers(run.context, state))


def _workers(context_id: str, state: State) -> tuple[int, int, int]:
    """Those that are there, those with the context warm, and those that load it."""
    there = sum(map(len, state.groups.values()))
    context = state.contexts.get(context_id)
    return (there, len(context.warm), len(context.loading)) if context else (there, 0, 0)


def view_of(worker: Worker) -> WorkerView:
    batches = [batch for queue in worker.queues.values() for batch in queue]
    return WorkerView(
        worker.id,
        worker.capacity,
        worker.available,
        worker.going,
        {context: replica.status for context, replica in worker.replicas.items()},
        tuple(batch.id for batch in batches),
        sum(batch.open for batch in batches),
        worker.finished,
        worker.skew,
        worker.joined_at,
    )


def present(state: State) -> list[Event]:
    """Events that would tell of the workers and replicas there are: the head of a new log."""
    events: list[Event] = []
    for worker in state.workers.values():
        events.append(WorkerJoined(worker.id, worker.capacity))
        for replica in worker.replicas.values():
            if replica.status == "parked":
                told = (replica.memory_bytes, False, replica.host_bytes)
                events.append(
                    ReplicaChanged(worker.id, replica.context, "host", "parked", 0.0, *told)
                )
            elif replica.status in ("warm", "loading"):
                events.append(
                    ReplicaChanged(
                        worker.id,
                        replica.context,
                        "gpu" if replica.status == "warm" else "disk",
                        "warm" if replica.status == "warm" else "loading",
                        memory_bytes=replica.memory_bytes,
                        parks=state.contexts[replica.context].parks,
                    )
                )
        if not worker.available:
            events.append(WorkerNotice(worker.id, 0.0))
    return events
