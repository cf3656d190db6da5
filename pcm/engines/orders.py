"""Commands of the core as orders to a worker, with their cargo."""

from __future__ import annotations

from pcm.core.commands import Cancel, Command, Dispatch, Evict, Load
from pcm.core.events import BatchDone, ReplicaFailed
from pcm.engines.base import Cargo, Delivery, Happening
from pcm.engines.worker import Worker
from workers.protocol import (
    MAX_FRAME_BYTES,
    CancelBatch,
    DefineTask,
    DropContext,
    ErrorReport,
    ItemResult,
    LoadContext,
    Order,
    RunBatch,
)


def add_orders(command: Command, worker: Worker, cargo: Cargo) -> None:
    """Append to what is outgoing to the worker. Raises TypeError for a command without orders."""
    outgoing = worker.outgoing
    match command:
        case Dispatch():
            task = cargo.task(command.run)
            if task.task not in worker.tasks:
                worker.tasks.add(task.task)
                outgoing.append(DefineTask(task.task, task.name, task.payload))
            items = cargo.items(command.run, command.ranges)
            outgoing.append(RunBatch(command.batch, command.context, task.task, items))
        case Load():
            context = cargo.context(command.context)
            outgoing.append(
                LoadContext(
                    command.context,
                    context.name,
                    context.payload,
                    context.imports,
                    context.timeout_seconds,
                )
            )
        case Evict():
            outgoing.append(DropContext(command.context))
        case Cancel():
            outgoing.append(CancelBatch(command.batch, command.reason))
        case _:
            raise TypeError(f"not a command for a worker: {type(command).__name__}")


def too_large(order: Order, worker: str) -> list[Happening]:
    """What follows from an order that does not fit a frame, instead of what it was to bring."""
    limit = f"more than the {MAX_FRAME_BYTES >> 20} MiB that one message can hold"
    if isinstance(order, RunBatch):
        problem = f"the items of its batch take {limit}; give smaller batches, or names of files"
        error = ErrorReport("BatchTooLarge", problem)
        failed = [ItemResult(position, 0.0, None, error) for position in range(len(order.items))]
        return [Delivery(worker, order.batch, failed), BatchDone(order.batch, 0.0)]
    if isinstance(order, LoadContext):
        problem = f"the context's function and arguments take {limit}; give names of files"
        return [ReplicaFailed(worker, order.context, "loader_error", problem)]
    return []
