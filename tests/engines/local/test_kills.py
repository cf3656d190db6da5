"""Whatever is killed, the engine says so, goes on, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from pcm.core.events import (
    BatchDone,
    BatchLost,
    ReplicaChanged,
    ReplicaFailed,
    WorkerLeft,
    WorkerNotice,
)
from pcm.engines.base import Delivery
from tests.engines.local import user_code
from tests.engines.local.driver import DEADLINE_SECONDS, Driver
from workers.host.processes import search_path

pytestmark = pytest.mark.kills


def supervisor(pid: int | None = None) -> psutil.Process:
    (process,) = [
        child
        for child in psutil.Process(pid).children()
        if "workers.host" in " ".join(child.cmdline())
    ]
    return process


def busy_worker(driver: Driver) -> tuple[str, int]:
    """A worker in the middle of a batch of which the first item is done, another waiting."""
    worker = driver.warm_worker()
    driver.open_run(user_code.slow, [0.0, 1000.0])
    batch = driver.dispatch(worker, (0, 2))
    driver.dispatch(worker, (0, 1))
    driver.wait(Delivery, batch=batch)
    return worker, batch


def test_a_replica_that_kills_itself_loses_its_batch_only() -> None:
    with Driver() as driver:
        worker = driver.warm_worker()
        driver.open_run(user_code.suicide, [1, -1, 3])
        batch = driver.dispatch(worker, (0, 3))
        lost = driver.wait(BatchLost)
        assert (lost.batch, lost.cause, lost.started) == (batch, "replica_died", True)
        assert lost.detail.startswith("killed by signal 9 (SIGKILL)")
        assert driver.wait(ReplicaFailed).kind == "died"
        driver.load(worker, dict)
        driver.wait(ReplicaChanged, status="warm")
        driver.wait(BatchDone, batch=driver.dispatch(worker, (0, 1)))


def test_a_supervisor_that_is_killed() -> None:
    with Driver() as driver:
        worker, batch = busy_worker(driver)
        process = supervisor()
        family = [process, *process.children(recursive=True)]
        assert len(family) == 3
        process.kill()
        left = driver.wait(WorkerLeft)
        assert (left.worker, left.cause) == (worker, "lost")
        assert left.detail == "killed by signal 9 (SIGKILL)"
        assert driver.values(batch) == {0: 0.0}
        assert gone(family)
        driver.warm_worker()


def test_an_eviction() -> None:
    with Driver(grace_seconds=4.0) as driver:
        worker, batch = busy_worker(driver)
        supervisor().terminate()
        assert driver.wait(WorkerNotice) == WorkerNotice(worker, 4.0)
        ends = {lost.batch: lost for lost in (driver.wait(BatchLost), driver.wait(BatchLost))}
        assert [ends[n].cause for n in (batch, batch + 1)] == ["evicted", "evicted"]
        assert [ends[n].started for n in (batch, batch + 1)] == [True, False]
        assert driver.wait(WorkerLeft) == WorkerLeft(worker, "evicted")


def test_a_supervisor_that_stands_still_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pcm.engines.local.engine.EXIT_PATIENCE_SECONDS", 0.2)
    with Driver() as driver:
        busy_worker(driver)
        process = supervisor()
        process.suspend()
        family = [process, *process.children(recursive=True)]
    assert gone(family)


MANAGER = """
import sys, tempfile
from pcm.core.events import ReplicaChanged
from pcm.engines.base import Delivery
from tests.engines.local import user_code
from tests.engines.local.driver import Driver
with Driver(scratch=sys.argv[1]) as driver:
    for _ in range(2):
        worker = driver.warm_worker()
        driver.open_run(user_code.slow, [0.0, 1000.0])
        driver.wait(Delivery, batch=driver.dispatch(worker, (0, 2)))
    print("ready", flush=True)
    driver.engine.events(None)
"""


def test_nothing_outlives_a_manager_that_is_killed(tmp_path: object) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", MANAGER, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": search_path()},
        stdout=subprocess.PIPE,
    ) as manager:
        assert manager.stdout is not None
        assert manager.stdout.readline() == b"ready\n"
        family = psutil.Process(manager.pid).children(recursive=True)
        assert len(family) == 6
        os.kill(manager.pid, signal.SIGKILL)
    assert gone(family)
    assert os.listdir(str(tmp_path)) == []


def gone(family: list[psutil.Process]) -> bool:
    """Whether all of them end, soon; a zombie has."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if not any(alive(process) for process in family):
            return True
        time.sleep(0.005)
    return False


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
