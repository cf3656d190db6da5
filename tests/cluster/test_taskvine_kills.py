"""Behind TaskVine too: whatever is killed, every key exactly once, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import pcm
from tests.cluster import vine_processes
from tests.cluster.needs import needs_taskvine
from tests.manager import disturbing
from tests.manager.disturbing import ITEMS, Strike, assert_exact, events
from tests.manager.processes import gone, tree
from tests.manager.workloads import digest, salt

pytestmark = [pytest.mark.cluster, pytest.mark.kills, needs_taskvine]

SOON_SECONDS = 5.0
"""Within this a loss must be noticed; it takes tens of milliseconds. TaskVine alone would take
minutes, or for ever."""


def run_disturbed(directory: Path, disturb: Callable[[int], None], **options: Any) -> pcm.Run:
    return disturbing.run_disturbed(directory, disturb, engine="taskvine", **options)


def kill_first_replica() -> None:
    vine_processes.workers()[0].replicas[0].kill()


def terminate_first_launcher() -> None:
    vine_processes.launchers()[0].terminate()


def kill_all(worker: vine_processes.WorkerTree) -> None:
    """From the top, so that none has time to clean up after another."""
    for process in [*worker[:4], *worker.replicas]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


VICTIMS: dict[str, Callable[[vine_processes.WorkerTree], None]] = {
    "launcher": lambda worker: worker.launcher.kill(),
    "vine_worker": lambda worker: worker.vine_worker.kill(),
    "vine_worker's group": lambda worker: os.killpg(worker.vine_worker.pid, signal.SIGKILL),
    "transfer server": lambda worker: worker.transfer_server.kill(),
    "host": lambda worker: worker.host.kill(),
    "all of it": kill_all,
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_part_of_a_worker_is_killed(tmp_path: Path, victim: str) -> None:
    family: list[int] = []

    def deed() -> None:
        worker = vine_processes.workers()[0]
        family.extend(tree(worker.launcher.pid))
        VICTIMS[victim](worker)

    strike = Strike(40, deed)
    run = run_disturbed(tmp_path / "run", strike)
    assert strike.struck_at
    assert_exact(run)
    assert gone(family)
    if victim != "transfer server":
        (left,) = [event for event in events(run, "WorkerLeft") if event["cause"] == "lost"]
        assert left["at"] - strike.struck_at < SOON_SECONDS


def test_a_replica_is_killed(tmp_path: Path) -> None:
    strike = Strike(40, kill_first_replica)
    run = run_disturbed(tmp_path / "run", strike)
    assert strike.struck_at
    assert_exact(run)
    assert not events(run, "WorkerLeft")
    assert [event["kind"] for event in events(run, "ReplicaFailed")] == ["died"]


def test_both_workers_are_killed_at_the_same_time(tmp_path: Path) -> None:
    def deed() -> None:
        for worker in vine_processes.workers():
            worker.vine_worker.kill()

    assert_exact(run_disturbed(tmp_path / "run", Strike(40, deed)))


def test_the_driver_is_killed(tmp_path: Path) -> None:
    strike = Strike(40, lambda: vine_processes.driver().kill())
    run = run_disturbed(tmp_path / "run", strike)
    assert_exact(run)
    assert len(events(run, "WorkerLeft")) == 2


def test_sigterm_gives_back_what_is_finished(tmp_path: Path) -> None:
    strike = Strike(30, terminate_first_launcher)
    run = run_disturbed(tmp_path / "run", strike, batch=100, seconds=0.02)
    assert_exact(run)
    assert [event["cause"] for event in events(run, "WorkerLeft")] == ["evicted"]
    lost = [event for event in events(run, "BatchLost") if event["started"]]
    assert [event["cause"] for event in lost] == ["evicted"]
    # What the evicted worker had finished of its batch was not computed again.
    evicted = events(run, "WorkerLeft")[0]["worker"]
    assert evicted in {row.worker for row in run}


def test_sigterm_without_a_grace_period(tmp_path: Path) -> None:
    strike = Strike(30, terminate_first_launcher)
    run = run_disturbed(tmp_path / "run", strike, batch=100, grace_seconds=0.0)
    assert_exact(run)
    assert len(events(run, "WorkerLeft")) == 1


MANAGER_SCRIPT = """
import sys
import pcm
from tests.manager.workloads import digest, salt
with pcm.Manager(engine="taskvine", workers=2) as manager:
    run = manager.map(digest.bind(seconds=0.004), range(300), context=salt(),
                      directory=sys.argv[1], batch=20)
    for row in run:
        print(row.key, flush=True)
"""


def test_the_manager_is_killed_and_its_run_resumed(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", MANAGER_SCRIPT, str(directory)], stdout=subprocess.PIPE, text=True
    ) as manager:
        assert manager.stdout is not None
        seen = [int(manager.stdout.readline()) for _ in range(35)]
        family = tree(manager.pid)
        os.kill(manager.pid, signal.SIGKILL)
    assert gone(family)
    run = pcm.resume(directory, engine="taskvine", workers=2)
    assert_exact(run)
    # What was reported before the kill was durable, so it was not computed again.
    assert [row.key for row in run][: len(seen)] == seen


def test_nothing_is_left_when_a_manager_is_closed(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = set(psutil.Process().children(recursive=True))
    with pcm.Manager(engine="taskvine", workers=2, scratch=scratch) as manager:
        run = manager.map(digest, range(ITEMS), context=salt(), directory=tmp_path / "run")
    assert_exact(run)
    assert set(psutil.Process().children(recursive=True)) <= before
    assert not list(scratch.iterdir())
