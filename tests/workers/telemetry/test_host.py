from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.workers.telemetry.catalogue import checked
from workers.telemetry.host import Host
from workers.telemetry.kept_file import KeptFile

STAT = """cpu  999 0 0 0 0 0 0 0 0 0
cpu0 {0} 0 0 {1} 0 0 0 {2} 0 0
cpu1 7{0} 0 0 0 0 0 0 0 0 0
cpu3 {0} 0 10 {1} 20 0 0 0 0 0
intr 12345 0 0
"""


def test_busy_and_stolen_shares_of_the_own_cores(tmp_path: Path) -> None:
    path = tmp_path / "stat"
    path.write_text(STAT.format(100, 500, 10))
    host = Host(KeptFile(str(path)), {0, 3})
    assert host.read(0.0) == []
    path.write_text(STAT.format(130, 550, 50))
    # Of both: 60 busy, 100 idle, 40 stolen.
    assert checked(host, host.read(1.0)) == {
        ("host.cpu_share", ""): pytest.approx(60 / 200),
        ("host.steal_share", ""): pytest.approx(40 / 200),
    }
    assert host.read(2.0) == []  # No tick has passed.
    path.write_text("")
    assert host.read(3.0) == []
    path.write_text(STAT.format(140, 560, 50))
    assert host.read(4.0) == []
    host.close()


def test_a_core_that_went_away_gives_nothing(tmp_path: Path) -> None:
    path = tmp_path / "stat"
    path.write_text(STAT.format(100, 500, 10))
    host = Host(KeptFile(str(path)), {7})
    assert host.read(0.0) == []
    assert host.read(1.0) == []
    host.close()


def test_this_machine() -> None:
    host = Host.find()
    assert host is not None
    host.read(0.0)
    before = os.times()
    while os.times().user - before.user < 0.05:
        sum(number * number for number in range(10_000))
    found = checked(host, host.read(1.0))
    assert found["host.cpu_share", ""] > 0
    host.close()
    assert Host.find("/nowhere/stat") is None
