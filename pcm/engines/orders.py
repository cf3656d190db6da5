"""Commands of the core as orders to a worker, with their cargo."""

from __future__ import annotations

from pcm.core.commands import Cancel, Command, Dispatch, Evict, Load, Offload
from pcm.core.events import BatchDone, BatchLost, ReplicaFailed
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
    OffloadContext,
    Order,
    RunBatch,
    Tree,
)

MAX_ORDER_BYTES = MAX_FRAME_BYTES - (1 << 16)
"""What one order may take; the rest of a frame is for what is wrapped around it."""
ORDER_BYTES = 1024
ITEM_BYTES = 9
TREE_BYTES = 128
FILE_BYTES = 64
"""What an order, an item, a tree and a file of it take besides their payload or names, at most."""

_TOO_MUCH = f"more than the {MAX_FRAME_BYTES >> 20} MiB that one message can hold"


def add_orders(command: Command, worker: Worker, cargo: Cargo) -> list[Happening]:
    """Append to what is outgoing to the worker.

    Gives what follows at once, instead, from cargo that no message can hold: a batch of several
    items comes back to be cut smaller; one item, a task or a context has failed.
    Raises TypeError for a command without orders.
    """
    match command:
        case Dispatch():
            return _add_batch(command, worker, cargo)
        case Load():
            return _add_context(command, worker, cargo)
        case Offload():
            worker.outgoing.append(OffloadContext(command.context))
        case Evict():
            worker.ahead.discard(command.context)
            worker.outgoing.append(DropContext(command.context))
        case Cancel():
            worker.outgoing.append(CancelBatch(command.batch, command.reason))
        case _:
            raise TypeError(f"not a command for a worker: {type(command).__name__}")
    return []


def size_bytes(order: Order) -> int:
    """In a frame, at most."""
    match order:
        case RunBatch():
            return ORDER_BYTES + sum(map(len, order.items)) + len(order.items) * ITEM_BYTES
        case LoadContext():
            imports = sum(map(len, order.imports))
            return ORDER_BYTES + len(order.payload) + imports + sum(map(_tree_bytes, order.trees))
        case DefineTask():
            return ORDER_BYTES + len(order.payload)
        case _:
            return ORDER_BYTES


def _tree_bytes(tree: Tree) -> int:
    names = [tree.path, tree.hub, str(tree.argument), *(file.name for file in tree.files)]
    return TREE_BYTES + 4 * sum(map(len, names)) + FILE_BYTES * len(tree.files)


def _add_batch(command: Dispatch, worker: Worker, cargo: Cargo) -> list[Happening]:
    task = cargo.task(command.run)
    definition = DefineTask(task.task, task.name, task.payload)
    if size_bytes(definition) > MAX_ORDER_BYTES:
        problem = f"the task's function and arguments take {_TOO_MUCH}; give names of files"
        return _failed(command, worker, ErrorReport("TaskTooLarge", problem))
    items = cargo.items(command.run, command.ranges)
    batch = RunBatch(command.batch, command.context, task.task, items)
    if size_bytes(batch) > MAX_ORDER_BYTES:
        if len(items) > 1:
            problem = f"its {len(items)} items take {_TOO_MUCH}"
            return [BatchLost(command.batch, "too_large", started=False, detail=problem)]
        problem = f"the item takes {_TOO_MUCH}; give the name of a file"
        return _failed(command, worker, ErrorReport("ItemTooLarge", problem))
    if task.task not in worker.tasks:
        worker.tasks.add(task.task)
        worker.outgoing.append(definition)
    worker.outgoing.append(batch)
    worker.leases[command.batch] = bytearray(len(items))
    return []


def _failed(command: Dispatch, worker: Worker, error: ErrorReport) -> list[Happening]:
    """Every item of the batch has failed."""
    results = [ItemResult(position, 0.0, None, error) for position in range(command.item_count)]
    return [Delivery(worker.name, command.batch, results), BatchDone(command.batch, 0.0)]


def _add_context(command: Load, worker: Worker, cargo: Cargo) -> list[Happening]:
    context = cargo.context(command.context)
    order = LoadContext(
        command.context,
        context.name,
        context.payload,
        context.imports,
        context.timeout_seconds,
        () if worker.sees_our_files else context.trees,
        tier="disk" if command.tier == "disk" else "gpu",
        ranks=context.ranks,
    )
    if size_bytes(order) > MAX_ORDER_BYTES:
        problem = f"the context's function and arguments take {_TOO_MUCH}; give names of files"
        return [ReplicaFailed(worker.name, command.context, "loader_error", problem)]
    if order.tier == "disk":
        worker.ahead.add(command.context)
    else:
        worker.ahead.discard(command.context)
    worker.outgoing.append(order)
    return []
