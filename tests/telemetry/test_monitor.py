from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import pytest

from pcm.core.events import SkewChanged
from pcm.telemetry.findings import Finding
from pcm.telemetry.monitor import LATENESS_MAX_SECONDS, Monitor
from pcm.telemetry.signals import Window
from tests.telemetry.runbook.scenes import LAST_SECONDS, scene

TAKEN = {"host.cpu_pressure": 0.8, "pcie.launch_gap_spread": 1.6, "gpu.busy_share": 0.4}
"""Cores that somebody else uses: PC8, and about half of the speed."""


class Watched:
    """A monitor, and all that it said."""

    def __init__(self) -> None:
        self.monitor = Monitor()
        self.findings: dict[str, Finding] = {}
        self.changes: list[SkewChanged] = []
        self.now = 0.0

    def hear(self, windows: Iterable[Window], late_seconds: float = 0.1) -> None:
        for end_seconds, group in groupby(windows, key=lambda window: window.end_seconds):
            for window in group:
                self.monitor.take(window, end_seconds + late_seconds)
            self.settle(end_seconds + late_seconds)

    def settle(self, now: float) -> None:
        settled = self.monitor.settle(now)
        self.findings.update((finding.id, finding) for finding in settled.findings)
        self.changes += settled.changes
        self.now = now


def test_a_quiet_fleet_is_said_nothing_of() -> None:
    watched = Watched()
    watched.hear(scene())
    assert (watched.findings, watched.changes) == ({}, [])
    assert watched.monitor.score("w1") == 1.0
    assert watched.monitor.score("never heard of") == 1.0


@pytest.mark.parametrize("late_seconds", [0.1, 5.0])
def test_a_slowed_worker_is_found_and_the_scheduler_told(late_seconds: float) -> None:
    watched = Watched()
    watched.hear(scene({1: TAKEN}), late_seconds)
    watched.settle(watched.now + 2.0)
    assert {(one.condition, one.worker) for one in watched.findings.values()} == {("PC8", "w1")}
    assert {change.worker for change in watched.changes} == {"w1"}
    assert 1.5 < watched.changes[-1].factor < 3.0
    assert watched.monitor.score("w1") > 1.5
    assert watched.monitor.score("w2") == 1.0


def test_when_it_has_left_nothing_lasts() -> None:
    watched = Watched()
    watched.hear(scene({1: TAKEN}))
    assert watched.monitor.findings
    watched.monitor.left("w1")
    watched.settle(watched.now + 1.0)
    assert watched.monitor.findings == []
    assert all(finding.until_seconds is not None for finding in watched.findings.values())
    assert watched.monitor.score("w1") == 1.0


def test_when_it_is_over_the_score_falls_to_one() -> None:
    watched = Watched()
    windows = list(scene({1: TAKEN}))
    watched.hear(windows)
    shift = float(LAST_SECONDS)
    watched.hear(window._replace(end_seconds=window.end_seconds + shift) for window in scene())
    assert watched.monitor.findings == []
    assert watched.changes[-1] == SkewChanged("w1", 1.0, 1.0)


def test_silence_ends_what_was_found() -> None:
    watched = Watched()
    watched.hear(scene({1: TAKEN}))
    for _ in range(120):
        watched.settle(watched.now + 1.0)
    assert watched.monitor.findings == []
    assert watched.monitor.score("w1") == 1.0


def test_one_who_is_very_late_holds_up_the_others_for_a_while_only() -> None:
    watched = Watched()
    windows = list(scene({1: TAKEN}))
    watched.monitor.take(windows[0], windows[0].end_seconds + 1000.0)
    watched.hear(windows)
    watched.settle(watched.now + LATENESS_MAX_SECONDS)
    assert watched.findings


def test_no_telemetry_needs_no_looking_after() -> None:
    monitor = Monitor()
    monitor.batch_done("run", "cpu", "w1", 1.0, 1.0, 10.0)
    assert not monitor.is_needed
    monitor.take(next(scene()), 1000.0)
    assert monitor.is_needed
    monitor.left("w0")
    assert not monitor.is_needed
