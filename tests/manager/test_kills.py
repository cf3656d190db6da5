"""Whatever is killed: every key exactly once, with the verdict of an undisturbed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import pcm
from tests.manager.disturbing import Strike, assert_exact, events, run_disturbed
from tests.manager.processes import first, gone, kill, replicas, supervisors, tree

pytestmark = pytest.mark.kills


def test_a_replica_is_killed(tmp_path: Path) -> None:
    strike = Strike(40, lambda: kill(first(lambda: replicas(supervisors()[0]))))
    run = run_disturbed(tmp_path / "run", strike)
    assert strike.struck_at
    assert_exact(run)
    assert run.summary().lost_batches >= 1


def test_a_supervisor_is_killed_and_leaves_nothing_behind(tmp_path: Path) -> None:
    victims: list[int] = []

    def strike() -> None:
        victims.extend(tree(supervisors()[0].pid))
        os.kill(victims[0], signal.SIGKILL)

    run = run_disturbed(tmp_path / "run", Strike(40, strike))
    assert_exact(run)
    assert len(victims) == 3  # supervisor, template, replica
    assert gone(victims)


def test_every_worker_is_killed_once(tmp_path: Path) -> None:
    first_workers = {}

    def strike(rows: int) -> None:
        for index, at in enumerate((30, 90)):
            if rows == at:
                victim = first_workers.setdefault(index, supervisors()[0])
                kill(victim)

    assert_exact(run_disturbed(tmp_path / "run", strike))
    assert len({victim.pid for victim in first_workers.values()}) == 2


def test_two_workers_are_killed_at_the_same_time(tmp_path: Path) -> None:
    def strike() -> None:
        for victim in supervisors():
            kill(victim)

    run = run_disturbed(tmp_path / "run", Strike(40, strike))
    assert_exact(run)
    assert run.summary().workers == 4


def test_sigterm_gives_back_what_is_finished(tmp_path: Path) -> None:
    run = run_disturbed(
        tmp_path / "run",
        Strike(30, lambda: kill(supervisors()[0], signal.SIGTERM)),
        batch=100,
    )
    assert_exact(run)
    lost = [event for event in events(run, "BatchLost") if event["started"]]
    assert [event["cause"] for event in lost] == ["evicted"]
    # What the evicted worker had finished of its batch was not computed again.
    attempts = {row.worker for row in run if row.attempt == 1}
    assert "local-1" in attempts or "local-2" in attempts


MANAGER_SCRIPT = """
import sys
import pcm
from tests.manager.workloads import digest, salt
with pcm.Manager(workers=2) as manager:
    run = manager.map(digest.bind(seconds=0.004), range(300), context=salt(),
                      directory=sys.argv[1], batch=20)
    for row in run:
        print(row.key, flush=True)
"""


@pytest.mark.parametrize("rows_before", [1, 35, 150])
def test_the_manager_is_killed_and_its_run_resumed(tmp_path: Path, rows_before: int) -> None:
    directory = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", MANAGER_SCRIPT, str(directory)], stdout=subprocess.PIPE, text=True
    ) as manager:
        assert manager.stdout is not None
        seen = [int(manager.stdout.readline()) for _ in range(rows_before)]
        family = tree(manager.pid)
        os.kill(manager.pid, signal.SIGKILL)
    assert gone(family)
    run = pcm.resume(directory, workers=2)
    assert_exact(run)
    # What was reported before the kill was durable, so it was not computed again.
    assert [row.key for row in run][: len(seen)] == seen


def test_the_manager_and_a_worker_are_killed_together(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", MANAGER_SCRIPT, str(directory)], stdout=subprocess.PIPE, text=True
    ) as manager:
        assert manager.stdout is not None
        for _ in range(30):
            manager.stdout.readline()
        family = tree(manager.pid)
        victim = supervisors(manager.pid)[0].pid
        os.kill(victim, signal.SIGKILL)
        os.kill(manager.pid, signal.SIGKILL)
    assert gone(family)
    assert_exact(pcm.resume(directory, workers=2))


def test_nothing_is_left_when_a_manager_is_closed(tmp_path: Path) -> None:
    before = set(psutil.Process().children(recursive=True))
    run = run_disturbed(tmp_path / "run", lambda rows: None)
    assert_exact(run)
    assert set(psutil.Process().children(recursive=True)) <= before
