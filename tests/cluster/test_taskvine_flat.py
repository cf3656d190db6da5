"""Memory, descriptors and disk of the manager's side do not grow with what passes through it.

With 100,000 batches: ``tests/cluster/enter python -m tests.cluster.long_run 100000``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import vine_processes
from tests.cluster.engine_driving import OneTask, driving
from tests.cluster.long_run import usage
from tests.cluster.needs import needs_taskvine

pytestmark = [pytest.mark.cluster, needs_taskvine]

BATCHES = 5000
SLACK_BYTES = 1_000_000


def test_many_small_batches() -> None:
    command = [sys.executable, "-m", "tests.cluster.long_run", str(BATCHES)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=100)
    _, early, *_, late, _ = [json.loads(line) for line in answer.stdout.splitlines()]
    grown = {name: late[name] - early[name] for name in early}
    assert grown["rows"] > BATCHES // 2
    assert grown["driver_bytes"] < SLACK_BYTES
    # What the manager has read or written of the journal stays in memory up to a bound.
    assert grown["manager_bytes"] < 1.5 * grown["journal_bytes"] + SLACK_BYTES
    assert grown["driver_descriptors"] == 0
    assert grown["manager_descriptors"] == 0
    assert grown["scratch_files"] < 10
    assert grown["scratch_bytes"] < SLACK_BYTES


def test_batches_that_travel_in_files(tmp_path: Path) -> None:
    with driving(OneTask("x" * 100_000), workers=1, scratch=tmp_path) as drive:
        worker = drive.worker()
        driver = vine_processes.driver()

        def run_some(number: int) -> None:
            for _ in range(number):
                drive.finish(worker)
            drive.happened.clear()

        run_some(20)
        memory_bytes, (files, size_bytes) = driver.memory_info().rss, usage(tmp_path)
        run_some(60)
        assert driver.memory_info().rss - memory_bytes < 2 * SLACK_BYTES
        files_now, size_bytes_now = usage(tmp_path)
        assert files_now - files < 10
        assert size_bytes_now - size_bytes < SLACK_BYTES
    assert not list(tmp_path.iterdir())
