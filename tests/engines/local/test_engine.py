"""Commands and their events, with real workers."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from pcm.core.commands import Cancel, Dispatch, Evict, GiveUp, Load, Provision, Retire
from pcm.core.events import (
    BatchDone,
    BatchLost,
    ProvisionFailed,
    ReplicaChanged,
    ReplicaFailed,
    WorkerJoined,
    WorkerLeft,
)
from pcm.engines.base import Delivery
from pcm.engines.local import LocalEngine
from pcm.errors import EngineError, InputError
from tests.engines.local import user_code
from tests.engines.local.driver import Driver


def test_workers_come_with_names_of_their_own() -> None:
    with Driver(workers=2) as driver:
        driver.order(Provision("local", 2, 0))
        joined = [driver.wait(WorkerJoined), driver.wait(WorkerJoined)]
        assert {event.worker for event in joined} == {"local-1", "local-2"}
        assert joined[0].capacity.host == socket.gethostname()
        assert joined[0].capacity.pool == driver.engine.pool
        driver.order(Retire("local-1", 0, "test"))
        assert driver.wait(WorkerLeft) == WorkerLeft("local-1", "retired")
        assert driver.start_worker() == "local-3"


def test_a_batch_from_dispatch_to_done() -> None:
    with Driver() as driver:
        worker = driver.warm_worker()
        driver.open_run(user_code.echo, range(10, 20))
        batch = driver.dispatch(worker, (0, 2), (7, 8))
        done = driver.wait(BatchDone)
        assert done.batch == batch
        assert 0 < done.run_seconds < 10
        assert driver.values(batch) == {0: 10, 1: 11, 2: 17}
        deliveries = [happening for happening in driver.happened if isinstance(happening, Delivery)]
        assert {delivery.worker for delivery in deliveries} == {worker}


def test_a_replica_from_loading_to_absent() -> None:
    with Driver() as driver:
        worker = driver.start_worker()
        driver.load(worker, dict)
        loading = driver.wait(ReplicaChanged)
        assert (loading.tier, loading.status) == ("gpu", "loading")
        warm = driver.wait(ReplicaChanged)
        assert (warm.tier, warm.status) == ("gpu", "warm")
        assert 0 < warm.seconds < 60
        driver.order(Evict(worker, "c", 0))
        gone = driver.wait(ReplicaChanged)
        assert (gone.tier, gone.status) == ("absent", "draining")


def test_two_runs_and_their_tasks_on_one_worker() -> None:
    with Driver() as driver:
        worker = driver.warm_worker()
        driver.open_run(user_code.echo, [1], "one")
        driver.open_run(user_code.the_context, [1], "two")
        first = [driver.dispatch(worker, (0, 1), run="one") for _ in range(3)]
        second = driver.dispatch(worker, (0, 1), run="two")
        driver.wait(BatchDone, batch=second)
        assert [driver.values(batch) for batch in first] == [{0: 1}] * 3
        assert driver.values(second) == {0: {}}


def test_a_loader_that_fails_tells_the_user_why() -> None:
    with Driver() as driver:
        worker = driver.start_worker()
        driver.load(worker, user_code.failing)
        failed = driver.wait(ReplicaFailed)
        assert failed.kind == "loader_error"
        first, *_, last = failed.error.splitlines()
        assert first == "Traceback (most recent call last):"
        assert "in failing" in failed.error
        assert "FileNotFoundError: no weights here" in failed.error
        assert failed.error.count("FileNotFoundError: no weights here") == 1
        assert last == "reading the weights"


def test_cancelling_a_waiting_and_a_running_batch() -> None:
    with Driver() as driver:
        worker = driver.warm_worker()
        driver.open_run(user_code.slow, [0.0, 1000.0])
        running = driver.dispatch(worker, (0, 2))
        waiting = driver.dispatch(worker, (0, 1))
        driver.wait(Delivery)
        driver.order(Cancel(waiting, worker, 0, "cancelled"))
        lost = driver.wait(BatchLost)
        assert (lost.batch, lost.cause, lost.started) == (waiting, "cancelled", False)
        driver.order(Cancel(running, worker, 0, "deadline"))
        lost = driver.wait(BatchLost)
        assert (lost.batch, lost.cause, lost.started) == (running, "deadline", True)
        assert driver.values(running) == {0: 0.0}


def test_retiring_lets_the_running_batch_finish() -> None:
    with Driver() as driver:
        worker = driver.warm_worker()
        driver.open_run(user_code.slow, [0.2])
        batch = driver.dispatch(worker, (0, 1))
        driver.order(Retire(worker, 0, "test"))
        driver.wait(BatchDone, batch=batch)
        assert driver.wait(WorkerLeft) == WorkerLeft(worker, "retired")


def test_retiring_by_force_does_not_wait() -> None:
    with Driver() as driver:
        worker = driver.warm_worker()
        driver.open_run(user_code.slow, [1000.0])
        driver.dispatch(worker, (0, 1))
        driver.order(Retire(worker, 0, "test", force=True))
        assert driver.wait(WorkerLeft) == WorkerLeft(worker, "retired")


def test_orders_for_workers_that_are_gone_are_dropped() -> None:
    with Driver() as driver:
        driver.order(Load("local-9", "c", 0), Cancel(1, "local-9", 0, "cancelled"))
        driver.order(GiveUp("r", 0, "failed", 0))  # not for engines
        assert driver.engine.events(0.0) == []


def test_provision_after_a_while() -> None:
    with Driver() as driver:
        before = time.monotonic()
        driver.order(Provision("local", 1, 0, after_seconds=0.2))
        assert driver.engine.events(0.0) == []
        driver.wait(WorkerJoined)
        assert time.monotonic() - before >= 0.2


def test_a_worker_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    with Driver() as driver:
        monkeypatch.setattr("sys.executable", "/bin/false")
        driver.order(Provision("local", 1, 0))
        failed = driver.wait(ProvisionFailed)
        assert (failed.pool, failed.workers) == ("local", 1)
        assert "ended before it was ready: exit code 1" in failed.error
        monkeypatch.setattr("sys.executable", "/no/such/python")
        driver.order(Provision("local", 2, 0))
        assert driver.wait(ProvisionFailed).workers == 2


def test_what_no_message_can_hold_fails_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pcm.engines.orders.MAX_ORDER_BYTES", 10_000)
    with Driver() as driver:
        worker = driver.warm_worker()
        driver.open_run(user_code.echo, ["small", "x" * 20_000])
        both, large = driver.dispatch(worker, (0, 2)), driver.dispatch(worker, (1, 2))
        assert driver.wait(BatchLost, batch=both).cause == "too_large"
        driver.wait(BatchDone, batch=large)
        assert driver.values(large)[0].type == "ItemTooLarge"
        driver.wait(BatchDone, batch=driver.dispatch(worker, (0, 1)))
        driver.load(worker, user_code.echo, "x" * 20_000, context="large")
        assert "give names of files" in driver.wait(ReplicaFailed, context="large").error


def test_orders_that_fit_no_common_frame_go_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pcm.engines.local.worker.MAX_FRAME_BYTES", 40_000)
    monkeypatch.setattr("workers.host.link.MAX_FRAME_BYTES", 40_000)
    with Driver() as driver:
        worker = driver.warm_worker()
        driver.open_run(user_code.echo, ["x" * 20_000] * 3)
        for number in range(3):
            driver.batches += 1
            command = Dispatch(driver.batches, "r", worker, "c", ((number, number + 1),), 1, 0, 0.0)
            driver.engine.order(command)
        driver.engine.flush()
        driver.wait(BatchDone, batch=driver.batches)


def test_wake_ends_a_wait_from_another_thread() -> None:
    with Driver() as driver:
        driver.engine.wake()
        assert driver.engine.events(30.0) == []
        waker = threading.Timer(0.05, driver.engine.wake)
        waker.start()
        assert driver.engine.events(30.0) == []
        waker.join()
        assert driver.engine.events(0.0) == []


def test_events_wait_no_longer_than_told() -> None:
    with Driver() as driver:
        before = time.monotonic()
        assert driver.engine.events(0.05) == []
        assert time.monotonic() - before >= 0.05


def test_stopping_leaves_no_file_and_may_be_repeated(tmp_path: Path) -> None:
    with Driver(scratch=tmp_path) as driver:
        driver.warm_worker()
        assert list(tmp_path.iterdir())
        driver.engine.stop()
        assert list(tmp_path.iterdir()) == []
        driver.engine.stop()
        driver.engine.wake()
        assert driver.engine.events(0.0) == []
        driver.engine.start(driver.shelf)
        driver.start_worker()


def test_stopping_with_grace_lets_workers_finish() -> None:
    with Driver() as driver:
        driver.warm_worker()
        driver.engine.stop(grace_seconds=30.0)


def test_logs_are_kept_where_they_are_wanted(tmp_path: Path) -> None:
    with Driver(logs=tmp_path / "logs") as driver:
        worker = driver.start_worker()
        driver.load(worker, user_code.failing)
        driver.wait(ReplicaFailed)
    (log,) = (tmp_path / "logs").glob("local-1-failing-*.log")
    assert log.read_text().startswith("reading the weights\n")
    assert oct(log.stat().st_mode)[-3:] == "600"


def test_a_scratch_that_cannot_be_used(tmp_path: Path) -> None:
    engine = LocalEngine(scratch=tmp_path / "none")
    with pytest.raises(EngineError, match="no directory for the workers"):
        engine.start(Driver().shelf)


@pytest.mark.parametrize(
    "options",
    [{"workers": -1}, {"threads_per_worker": 0}, {"grace_seconds": -1.0}, {"gpus": [99]}],
)
def test_options_that_make_no_sense(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        LocalEngine(**options)  # type: ignore[arg-type]


def test_the_machine_is_shared_out() -> None:
    with Driver(workers=4, threads_per_worker=3) as driver:
        worker = driver.warm_worker(user_code.environment)
        (joined,) = [h for h in driver.happened if isinstance(h, WorkerJoined)]
        driver.open_run(user_code.the_context, [0])
        driver.wait(BatchDone, batch=driver.dispatch(worker, (0, 1)))
        variables = driver.values(1)[0]
    assert joined.capacity.cores == 3
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert joined.capacity.memory_bytes <= total // 4
    assert variables["OMP_NUM_THREADS"] == variables["MKL_NUM_THREADS"] == "3"
    assert variables["TOKENIZERS_PARALLELISM"] == "false"
