"""How orders are divided among calls, and answers put in order."""

from __future__ import annotations

import pytest

from pcm.engines.local.sharing import Share
from pcm.engines.taskvine import worker as module
from pcm.engines.taskvine.worker import RemoteWorker
from workers import carriage
from workers.protocol import (
    CancelBatch,
    DefineTask,
    Gpu,
    Machine,
    Notice,
    Order,
    Report,
    RunBatch,
)


def batch(number: int, *items: bytes) -> RunBatch:
    return RunBatch(number, "c", "t", list(items))


@pytest.fixture
def worker() -> RemoteWorker:
    return RemoteWorker("w", "local", None)


def opened(worker: RemoteWorker) -> list[carriage.Call]:
    return [carriage.open_call(frame) for _, frame in worker.calls()]


def test_each_batch_has_a_call_of_its_own(worker: RemoteWorker) -> None:
    define, cancel = DefineTask("t", "t", b""), CancelBatch(9)
    worker.outgoing = [define, batch(1), batch(2), cancel]
    assert opened(worker) == [
        carriage.Call(0, [define, batch(1)], False),
        carriage.Call(1, [batch(2)], False),
        carriage.Call(2, [cancel], True),
    ]
    assert worker.outgoing == []


def test_beyond_the_slots_batches_are_brought_by_brief_calls(worker: RemoteWorker) -> None:
    orders: list[Order] = [batch(number) for number in range(carriage.BATCH_CALLS + 5)]
    worker.outgoing = list(orders)
    calls = opened(worker)
    assert [call.brief for call in calls] == [False] * carriage.BATCH_CALLS + [True]
    assert [order for call in calls for order in call.orders] == orders


def test_brief_calls_wait_for_room(worker: RemoteWorker) -> None:
    numbers = []
    for number in range(carriage.BRIEF_CALLS + 3):
        worker.outgoing.append(CancelBatch(number))
        numbers += [call for call, _ in worker.calls()]
    assert len(numbers) == carriage.BRIEF_CALLS
    assert len(worker.outgoing) == 3
    worker.ended(numbers[0])
    (call,) = opened(worker)
    assert len(call.orders) == 3


def test_all_calls_of_a_worker_fit_its_slots() -> None:
    assert carriage.BATCH_CALLS + carriage.BRIEF_CALLS + 1 <= carriage.FUNCTION_SLOTS


def test_large_orders_do_not_share_a_frame(
    worker: RemoteWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GROUP_BYTES", 5000)
    define, large = DefineTask("t", "t", b"x" * 6000), batch(1, b"x" * 6000)
    worker.outgoing = [CancelBatch(5), define, large]
    assert [call.orders for call in opened(worker)] == [[CancelBatch(5)], [define], [large]]


def test_answers_are_put_in_order(worker: RemoteWorker) -> None:
    first: list[Report] = [Notice(1.0)]
    second: list[Report] = [Notice(2.0)]
    assert worker.receive(carriage.answer(1, second), 0.0) == []
    assert worker.receive(carriage.answer(0, first), 0.0) == first + second


def test_its_share_of_this_machine_counts() -> None:
    gpu = Gpu(0, "u", "A10", 24)
    machine = Machine("h", 64, 1000, 0, "3.13", (gpu,), zone="east")
    outside = RemoteWorker("w", "outside", None).capacity(machine)
    assert (outside.cores, outside.memory_bytes, outside.kind, outside.gpus) == (64, 1000, "A10", 1)
    own = RemoteWorker("w", "local", Share(2, 100, ("u",))).capacity(machine)
    assert (own.cores, own.memory_bytes, own.pool) == (2, 100, "local")
    assert own.zone == outside.zone == "east"


def test_an_answer_that_never_comes_is_noticed(worker: RemoteWorker) -> None:
    worker.receive(carriage.answer(0, []), 100.0)
    late = 100.0 + module.OVERDUE_SECONDS
    assert worker.receive(carriage.answer(2, []), late) == []
    with pytest.raises(carriage.CarriageError, match="answer 1 is lost"):
        worker.receive(carriage.answer(3, []), late + 1.0)
