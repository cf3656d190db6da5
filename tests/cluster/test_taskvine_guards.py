"""The defects of TaskVine that the engine works round, each provoked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from pcm.core.commands import Cancel, Provision
from pcm.core.events import BatchDone, BatchLost, WorkerJoined, WorkerLeft
from pcm.engines.base import Delivery
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


def test_a_dead_library_ends_its_worker_and_the_next_one_starts(tmp_path: Path) -> None:
    """TaskVine hears of the library's death, and drops the calls of a worker that joins within the
    second that follows."""
    with driving(workers=2) as drive:
        worker = drive.worker()
        tree = vine_processes.workers()[0]
        drive.dispatch(worker, "slow")
        tree.launcher.suspend()
        tree.host.kill()
        psutil.wait_procs([tree.host], timeout=5)
        drive.engine.order(Provision("local", 1, 0))
        other = drive.until(WorkerJoined).worker
        drive.warm(other)
        drive.finish(other)
        tree.launcher.resume()
        if not any(isinstance(event, WorkerLeft) for event in drive.happened):
            assert drive.until(WorkerLeft).worker == worker


GIVEN_UP = """
import sys
from pathlib import Path
from pcm.engines.taskvine.kit import kit
from pcm.engines.taskvine.vine import Vine, cvine
from workers import carriage

folder = Path(sys.argv[1])
package, password = folder / "pcm-kit.zip", folder / "password"
package.write_bytes(kit())
password.write_text("open sesame")
(folder / "vine").mkdir()
vine = Vine(folder / "vine", port=0, password_file=password, ssl=False, kit=package)

def installed():
    return cvine.vine_manager_find_library_template(vine._queue, carriage.LIBRARY) is not None

seen = [installed()]
# What TaskVine does after fifteen failures, on whichever workers; without one it does nothing.
from tests.cluster.outside import launch
worker = launch(vine.port, password, "--once")
while not vine.workers():
    vine.turn()
cvine.vine_manager_remove_library(vine._queue, carriage.LIBRARY)
seen.append(installed())
vine.mend()
seen.append(installed())
vine.submit(carriage.identity(vine.workers()[0]["arch"]).worker, b"")
while not (done := vine.turn()):
    pass
print(seen, done[0].result, flush=True)
worker.terminate()
vine.close()
worker.communicate()
"""


def test_a_library_that_was_given_up_is_installed_again(tmp_path: Path) -> None:
    # In a process of its own: importing TaskVine crashes where warnings are errors.
    command = [sys.executable, "-W", "ignore", "-c", GIVEN_UP, str(tmp_path)]
    output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert output == "[True, False, True] ok\n"


def test_memory_and_disk_of_the_manager_stay_flat(tmp_path: Path) -> None:
    """Small batches, and such as travel in files."""
    for size, count in ((10, 1500), (100_000, 60)):
        with driving(OneTask("x" * size), workers=1, scratch=tmp_path) as drive:
            worker = drive.worker()
            driver = vine_processes.driver()

            def run_some(number: int, drive=drive, worker=worker) -> None:  # type: ignore[no-untyped-def]
                for _ in range(number):
                    drive.finish(worker)
                drive.happened.clear()

            run_some(count // 3)
            memory, files = driver.memory_info().rss, disk_usage(tmp_path)
            run_some(count)
            assert driver.memory_info().rss - memory < 2_000_000
            assert disk_usage(tmp_path) - files < 100_000
    assert not list(tmp_path.iterdir())


def disk_usage(directory: Path) -> int:
    """Bytes of all files below."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                continue
    return total


def test_results_of_any_size_come_back() -> None:
    for size in (0, 700, 900, 5_000, 3_000_000):
        with driving(OneTask("x" * size, items=3), workers=1) as drive:
            drive.finish(drive.worker())
            deliveries = drive.all(Delivery, lambda _: True, 1)
            values = [result.value or b"" for event in deliveries for result in event.results]
            assert [len(value) > size for value in values] == [True] * 3
