"""What the manager does with telemetry; time comes in, so nothing waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from math import inf

import pytest

import pcm
from pcm.core.events import Capacity, SkewChanged, WorkerJoined, WorkerLeft
from pcm.errors import InputError
from pcm.manager.manager import TelemetryMode
from pcm.manager.skew import Skew
from pcm.telemetry.findings import Finding
from pcm.telemetry.signals import Window
from tests.manager.workloads import digest, expected, salt
from tests.telemetry.runbook.scenes import scene
from tests.telemetry.test_monitor import TAKEN
from workers.protocol import Telemetry

AHEAD_SECONDS = 3600.0
"""Workers' clocks are an hour ahead."""


def told(skew: Skew, worker: str = "w1") -> Iterator[Finding]:
    """Every worker's windows as they come, a second's at a time; what is found."""
    for number in range(6):
        skew.heard(WorkerJoined(f"w{number}", Capacity(kind="A10")), None, 1000.0)
    changes = {int(worker[1:]): TAKEN}
    for window in scene(changes):
        readings = [(one.signal, one.place, one.value) for one in window.readings]
        sent = Telemetry(window.end_seconds + AHEAD_SECONDS, window.seconds, readings)
        now = window.end_seconds + 0.05
        skew.observed(window.worker, sent, now)
        if skew.due_in_seconds(now) == 0.0:
            yield from skew.settle(now).findings


def test_windows_are_of_the_managers_clock() -> None:
    skew = Skew()
    findings = list(told(skew))
    assert {finding.condition for finding in findings} == {"PC8"}
    assert 1050.0 < findings[0].since_seconds < 1080.0


def test_a_worker_that_has_not_joined_or_has_left_is_not_believed() -> None:
    skew = Skew()
    sent = Telemetry(10.0, 1.0, [("host.cpu_pressure", "", 0.5)])
    skew.observed("w1", sent, 10.0)
    assert skew.due_in_seconds(11.0) is None
    skew.heard(WorkerJoined("w1", Capacity()), None, 11.0)
    skew.observed("w1", sent, 11.0)
    assert skew.due_in_seconds(11.0) == 0.0
    skew.heard(WorkerLeft("w1", "lost"), None, 12.0)
    skew.observed("w1", sent, 12.0)
    assert skew.due_in_seconds(12.0) is None


@pytest.mark.parametrize("value", [inf, 1e300, -1e300])
def test_a_clock_that_cannot_be_keeps_nothing(value: float) -> None:
    skew = Skew()
    skew.heard(WorkerJoined("w1", Capacity()), None, 10.0)
    for second in range(100):
        sent = Telemetry(value, 1.0, [("host.cpu_pressure", "", 0.5)])
        skew.observed("w1", sent, 10.0 + second)
        skew.settle(10.0 + second)
    assert skew.settle(1000.0).findings == []
    assert skew.monitor.held == 0


def test_of_two_who_tell_the_same_the_one_is_believed_who_sees_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    skew = Skew()
    taken: list[dict[str, float]] = []

    def take(window: Window, now: float) -> None:
        taken.append({one.signal: one.value for one in window.readings})

    monkeypatch.setattr(skew.monitor, "take", take)
    skew.heard(WorkerJoined("w1", Capacity()), None, 0.0)
    both = ("requests.per_second", "egress.retransmits_per_second")
    of_worker = Telemetry(1.0, 1.0, [(signal, "", 1.0) for signal in both])
    of_observer = Telemetry(1.0, 1.0, [(signal, "", 2.0) for signal in both])
    skew.observed("w1", of_worker, 1.0)
    skew.seen("w1", of_observer, 1.0, 1.0)
    skew.observed("w1", of_worker, 2.0)
    skew.observed("w1", of_worker, 20.0)  # the observer is gone
    assert taken == [
        {both[0]: 1.0, both[1]: 1.0},
        {both[1]: 2.0},
        {both[0]: 1.0},
        {both[0]: 1.0, both[1]: 1.0},
    ]


def test_a_fault_of_ours_costs_the_telemetry_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("a fault of ours")

    skew = Skew()
    list(told(skew))
    monkeypatch.setattr(skew.monitor, "settle", fails)
    assert SkewChanged("w1", 1.0) in skew.settle(1200.0).changes
    assert "a fault of ours" in caplog.text
    assert skew.settle(1201.0).changes == []
    assert (skew.due_in_seconds(1202.0), skew.remedies(1202.0)) == (None, [])


def test_only_in_closed_loop_something_is_done() -> None:
    for closed_loop, kinds in ((False, []), (True, ["replace"])):
        skew = Skew(closed_loop=closed_loop)
        list(told(skew))
        found = [remedy.kind for remedy in skew.remedies(1200.0)]
        assert found == kinds


@pytest.mark.parametrize("mode", ["off", "advisory", "closed-loop"])
def test_runs_are_the_same_in_every_mode(
    mode: TelemetryMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PCM_TELEMETRY_SECONDS", "0.02")
    with pcm.Manager(workers=2, telemetry=mode) as manager:
        run = manager.map(digest.bind(seconds=0.002), range(200), context=salt(), batch=10)
        assert {row.key: row.value for row in run} == expected(200)


def test_the_telemetry_of_workers_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PCM_TELEMETRY_SECONDS", "0.02")
    with pcm.Manager(workers=2) as manager:
        deadline = time.monotonic() + 60.0
        while len(manager.skew().scores) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_mode_that_there_is_not() -> None:
    with pytest.raises(InputError, match="no mode 'on'"):
        pcm.Manager(telemetry="on")
