"""The defects of TaskVine that the engine works round, each provoked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pcm.core.commands import Cancel, Provision
from pcm.core.events import BatchDone, BatchLost, WorkerJoined, WorkerLeft
from pcm.engines.base import Delivery, LogLine
from tests.cluster import vine_processes
from tests.cluster.engine_driving import OneTask, driving
from tests.cluster.needs import needs_taskvine

pytestmark = [pytest.mark.cluster, needs_taskvine]


def test_cancelled_batches_cost_no_slots() -> None:
    """More of them than a worker has slots."""
    with driving(OneTask(seconds=0.4), workers=1) as drive:
        worker = drive.worker()
        first = drive.dispatch(worker)
        waiting = {drive.dispatch(worker) for _ in range(100)}
        for batch in waiting:
            drive.engine.order(Cancel(batch, worker, 0, "cancelled"))
        drive.until(BatchDone, lambda event: event.batch == first)
        drive.all(BatchLost, lambda event: event.batch in waiting, 100)
        drive.finish(worker)


def test_more_batches_than_slots_run_in_their_order() -> None:
    with driving(OneTask(seconds=0.001), workers=1) as drive:
        worker = drive.worker()
        batches = [drive.dispatch(worker) for _ in range(150)]
        done = drive.all(BatchDone, lambda _: True, 150)
    assert [event.batch for event in done] == batches


def test_a_call_that_is_lost_after_a_library_has_failed_is_made_again() -> None:
    """TaskVine 7.14 drops the first call of a worker that joins within the second after it."""
    with driving(workers=2) as drive:
        worker = drive.worker()
        tree = vine_processes.workers()[0]
        tree.launcher.suspend()  # It would end the worker before TaskVine hears why.
        tree.host.kill()
        drive.until(LogLine, lambda line: "Library pcm failed" in line.text)
        drive.engine.order(Provision("local", 1, 0))
        other = drive.until(WorkerJoined, lambda event: event.worker != worker).worker
        drive.finish(drive.warm(other))
        tree.launcher.resume()
        if not any(isinstance(event, WorkerLeft) for event in drive.happened):
            assert drive.until(WorkerLeft).worker == worker


def told(story: str, folder: Path) -> object:
    """What came of a story in ``bare_vine``."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.cluster.bare_vine", story, str(folder)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return json.loads(answer.stdout)


def test_a_library_that_was_given_up_is_installed_again(tmp_path: Path) -> None:
    assert told("given_up", tmp_path) == [True, False, True, "ok"]


def test_calls_that_no_worker_can_take_hold_up_nobody(tmp_path: Path) -> None:
    assert told("unplaceable", tmp_path) == ["ok"]


def test_results_of_any_size_come_back() -> None:
    for size in (0, 700, 900, 5_000, 3_000_000):
        with driving(OneTask("x" * size, items=3), workers=1) as drive:
            drive.finish(drive.worker())
            deliveries = drive.all(Delivery, lambda _: True, 1)
            values = [result.value or b"" for event in deliveries for result in event.results]
            assert [len(value) > size for value in values] == [True] * 3
