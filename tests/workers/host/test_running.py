"""Batches in a real worker: order, measures, and results that arrive item by item."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import cloudpickle
import msgspec
import pytest

from tests.workers.host import user_code
from tests.workers.host.driver import Worker, define, load, run
from workers.protocol import BatchEnd, DefineTask, ErrorReport, RunBatch


@pytest.fixture
def warm(worker: Worker) -> Worker:
    worker.send(load(user_code.constant, 10))
    return worker


def test_results_of_a_batch_come_before_its_end(warm: Worker) -> None:
    warm.send(define(user_code.add, more=5), run(1, [1, 2, 3]))
    end = warm.wait(BatchEnd)
    assert (end.outcome, end.started, end.detail) == ("done", True, "")
    assert warm.results(1) == {0: 16, 1: 17, 2: 18}


def test_batches_run_in_their_order(warm: Worker) -> None:
    warm.send(define(user_code.slow), *(run(n, [0.01 * (5 - n)]) for n in range(1, 6)))
    warm.wait(BatchEnd, batch=5)
    ends = [report for report in warm.reports if isinstance(report, BatchEnd)]
    assert [end.batch for end in ends] == [1, 2, 3, 4, 5]
    assert all(end.run_seconds >= 0.01 * (5 - end.batch) for end in ends)
    assert ends[4].queue_seconds >= sum(end.run_seconds for end in ends[1:4])


def test_two_contexts_run_side_by_side(warm: Worker) -> None:
    warm.send(load(user_code.constant, context="other"), define(user_code.obey))
    warm.send(run(1, ["wait"]), run(2, [2], "other"))
    warm.wait(BatchEnd, batch=2)


def test_each_result_arrives_while_the_next_is_made(warm: Worker) -> None:
    warm.send(define(user_code.obey), run(1, [*range(20), "wait"]))
    assert warm.wait_results(1, 20) == {n: n for n in range(20)}
    assert warm.ends() == {}


def test_many_small_results_travel_together(warm: Worker) -> None:
    warm.send(define(user_code.stream), run(1, list(range(20_000))))
    warm.wait(BatchEnd)
    assert warm.results(1) == {n: n for n in range(20_000)}
    assert len(warm.reports) < 2000


def test_a_task_and_a_batch_that_fit_no_common_frame_go_apart(tmp_path: Path) -> None:
    def padded(_: object, items: list[bytes], padding: bytes) -> list[int]:
        return [len(item) + len(padding) for item in items]

    smaller = "import workers.host.link as link, workers.host.__main__ as host; "
    smaller += "link.MAX_FRAME_BYTES = 100_000; host.main()"
    with Worker(tmp_path, program=("-c", smaller)) as worker:
        worker.send(load(user_code.constant))
        worker.send(define(padded, padding=b"x" * 60_000))
        worker.send(run(1, [b"y" * 60_000]))
        assert worker.wait(BatchEnd).outcome == "done"
        assert worker.results(1) == {0: 120_000}


def test_large_items_and_results(warm: Worker) -> None:
    items = [b"x" * (5 << 20), b"y", b"z" * (3 << 20)]
    warm.send(define(user_code.echo), run(1, items), run(2, items))
    warm.wait(BatchEnd, batch=2)
    assert list(warm.results(2).values()) == items


def test_an_item_that_raises_or_exits_is_its_own_affair(warm: Worker) -> None:
    warm.send(define(user_code.obey), run(1, [0, "raise", 2, "leave", 4]))
    assert warm.wait(BatchEnd).outcome == "done"
    found = warm.results(1)
    assert [found[n] for n in (0, 2, 4)] == [0, 2, 4]
    assert str(found[1]) == "ValueError: a bad item"
    assert str(found[3]) == "SystemExit: enough"
    assert "user_code.py" in found[1].traceback.splitlines()[1]


def test_an_empty_batch(warm: Worker) -> None:
    warm.send(define(user_code.echo), run(1, []))
    assert warm.wait(BatchEnd).outcome == "done"


def test_a_task_that_cannot_be_unpacked_fails_its_items(warm: Worker) -> None:
    broken = DefineTask("t", "broken", b"no pickle")
    warm.send(broken, run(1, [1, 2]), define(user_code.echo, "good"), run(2, [3], task="good"))
    warm.wait(BatchEnd, batch=2)
    errors = warm.results(1)
    assert all(isinstance(error, ErrorReport) for error in errors.values())
    assert "the task could not be unpacked on the worker" in errors[0].message
    assert warm.results(2) == {0: 3}


def test_items_that_are_not_plain_data_arrive(warm: Worker) -> None:
    pickled = msgspec.msgpack.Ext(1, cloudpickle.dumps({3, 4}))
    warm.send(define(lambda _, items: [sorted(item) for item in items]))
    warm.send(RunBatch(1, "c", "t", [msgspec.msgpack.encode(pickled)]))
    warm.wait(BatchEnd)
    assert warm.results(1) == {0: [3, 4]}


def test_batches_for_what_is_not_here_are_refused(warm: Worker) -> None:
    warm.send(run(1, [1]), define(user_code.echo), run(2, [1], "elsewhere"))
    for batch, word in ((1, "task t"), (2, "context elsewhere")):
        end = warm.wait(BatchEnd, batch=batch)
        assert (end.outcome, end.started) == ("refused", False)
        assert word in end.detail


def test_a_thread_of_the_users_does_not_hold_the_batch_up(warm: Worker) -> None:
    def with_thread(_: object, items: list[int]) -> list[int]:
        threading.Thread(target=time.sleep, args=(1000,)).start()
        return items

    warm.send(define(with_thread), run(1, [1]))
    warm.wait(BatchEnd)
