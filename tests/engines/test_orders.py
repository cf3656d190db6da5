from __future__ import annotations

from typing import Any

import pytest

from pcm.core.commands import Command, Dispatch, Evict, GiveUp, Load, Offload
from pcm.core.events import BatchDone, BatchLost, Capacity, ReplicaFailed
from pcm.engines import orders
from pcm.engines.base import ContextCargo, Delivery, Happening, TaskCargo
from pcm.engines.worker import Worker
from tests.engines.local.driver import Shelf
from workers.protocol import (
    DefineTask,
    DropContext,
    LoadContext,
    Machine,
    OffloadContext,
    Order,
    RunBatch,
    StagedFile,
    Tree,
    encode,
)

LIMIT_BYTES = 10_000
TREE = Tree("model", "/m", (StagedFile("weights", 1 << 62, "d" * 32, 1 << 62),))


class Somebody(Worker):
    def capacity(self, machine: Machine) -> Capacity:
        return Capacity()


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Somebody:
    monkeypatch.setattr(orders, "MAX_ORDER_BYTES", LIMIT_BYTES)
    return Somebody("w")


def add(
    command: Command, worker: Worker, *items: bytes, task: bytes = b"", context: bytes = b""
) -> list[Happening]:
    shelf = Shelf()
    shelf.tasks["r"] = TaskCargo("t", "task", task)
    shelf.contexts["c"] = ContextCargo("context", context)
    shelf.inputs["r"] = list(items)
    return orders.add_orders(command, worker, shelf)


def dispatch(batch: int, items: int) -> Dispatch:
    return Dispatch(batch, "r", "w", "c", ((0, items),), 1, 0, 0.0)


def test_a_task_is_defined_once_ahead_of_its_first_batch(worker: Somebody) -> None:
    assert add(dispatch(1, 2), worker, b"a", b"b", task=b"task") == []
    assert add(dispatch(2, 1), worker, b"a", task=b"task") == []
    assert worker.outgoing == [
        DefineTask("t", "task", b"task"),
        RunBatch(1, "c", "t", [b"a", b"b"]),
        RunBatch(2, "c", "t", [b"a"]),
    ]
    assert worker.leases == {1: bytearray(2), 2: bytearray(1)}


def test_a_batch_of_several_items_comes_back_to_be_cut_smaller(worker: Somebody) -> None:
    (lost,) = add(dispatch(1, 3), worker, *[bytes(4000)] * 3)
    assert isinstance(lost, BatchLost)
    assert (lost.batch, lost.cause, lost.started) == (1, "too_large", False)
    assert worker.outgoing == []
    assert worker.leases == {}
    assert add(dispatch(2, 2), worker, *[bytes(4000)] * 2) == []


def failed_items(happened: list[Happening], batch: int) -> list[Any]:
    delivery, done = happened
    assert done == BatchDone(batch, 0.0)
    assert isinstance(delivery, Delivery)
    assert (delivery.worker, delivery.batch) == ("w", batch)
    assert [result.position for result in delivery.results] == list(range(len(delivery.results)))
    return [result.error for result in delivery.results]


def test_only_an_item_that_is_too_large_by_itself_fails(worker: Somebody) -> None:
    (error,) = failed_items(add(dispatch(1, 1), worker, bytes(LIMIT_BYTES)), 1)
    assert error.type == "ItemTooLarge"
    assert "give the name of a file" in error.message
    assert (worker.outgoing, worker.leases, worker.tasks) == ([], {}, set())


def test_a_task_that_is_too_large_fails_the_items_of_each_of_its_batches(worker: Somebody) -> None:
    for batch in (1, 2):
        happened = add(dispatch(batch, 2), worker, b"a", b"b", task=bytes(LIMIT_BYTES))
        first, second = failed_items(happened, batch)
        assert first.type == second.type == "TaskTooLarge"
        assert "give names of files" in first.message
    assert (worker.outgoing, worker.leases, worker.tasks) == ([], {}, set())


def test_a_context_that_is_too_large_could_not_be_loaded(worker: Somebody) -> None:
    (failed,) = add(Load("w", "c", 0), worker, context=bytes(LIMIT_BYTES))
    assert isinstance(failed, ReplicaFailed)
    assert (failed.worker, failed.context, failed.kind) == ("w", "c", "loader_error")
    assert "give names of files" in failed.error
    assert worker.outgoing == []


def test_only_a_worker_that_does_not_see_our_files_is_told_of_them(worker: Somebody) -> None:
    shelf = Shelf()
    shelf.contexts["c"] = ContextCargo("context", b"", trees=(TREE,))
    orders.add_orders(Load("w", "c", 0), worker, shelf)
    worker.sees_our_files = False
    orders.add_orders(Load("w", "c", 0), worker, shelf)
    assert [order.trees for order in worker.outgoing if isinstance(order, LoadContext)] == [
        (),
        (TREE,),
    ]


def test_of_a_context_ahead_only_the_files_are_ordered(worker: Somebody) -> None:
    add(Load("w", "c", 0, "disk"), worker)
    assert worker.ahead == {"c"}
    add(Load("w", "c", 0), worker)
    assert worker.ahead == set()
    add(Load("w", "c", 0, "disk"), worker)
    add(Evict("w", "c", 0), worker)
    assert worker.ahead == set()
    tiers = [order.tier for order in worker.outgoing if isinstance(order, LoadContext)]
    assert tiers == ["disk", "gpu", "disk"]
    assert worker.outgoing[-1] == DropContext("c")


def test_a_context_is_offloaded_and_loaded_again_with_all_that_a_new_process_would_need(
    worker: Somebody,
) -> None:
    """It may have died meanwhile."""
    assert add(Offload("w", "c", 0), worker) == []
    add(Load("w", "c", 0), worker, context=b"all")
    assert worker.outgoing == [OffloadContext("c"), LoadContext("c", "context", b"all")]


def test_a_context_of_several_ranks_is_ordered_as_one(worker: Somebody) -> None:
    shelf = Shelf()
    shelf.contexts["c"] = ContextCargo("context", b"", ranks=4)
    orders.add_orders(Load("w", "c", 0), worker, shelf)
    assert worker.outgoing == [LoadContext("c", "context", b"", ranks=4)]


def test_what_is_for_no_worker_has_no_order(worker: Somebody) -> None:
    with pytest.raises(TypeError, match="GiveUp"):
        add(GiveUp("r", 0, "failed", 0), worker)


@pytest.mark.parametrize(
    "order",
    [
        RunBatch(1 << 62, "c" * 64, "t" * 64, [bytes(size) for size in (0, 1, 300, 70_000)] * 9),
        DefineTask("t" * 64, "n" * 64, bytes(70_000)),
        LoadContext("c" * 64, "n" * 64, bytes(70_000), ("torch", "transformers")),
        LoadContext("c", "n", b"", (), 1.0, (TREE,), tier="disk"),
        OffloadContext("c" * 64),
    ],
)
def test_no_order_takes_more_than_was_said(order: Order) -> None:
    single: list[Order] = [order]
    size, said = len(encode(single)), orders.size_bytes(order)
    assert size <= said < size + 2048
