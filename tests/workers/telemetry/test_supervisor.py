"""A real worker tells what it sees, once a period, until it says goodbye."""

from __future__ import annotations

from pathlib import Path

import pytest

from pcm.telemetry.signals import SIGNALS
from tests.workers.host import user_code
from tests.workers.host.driver import Worker, define, load, run
from workers.protocol import BatchEnd, Goodbye, Leave, Telemetry


def test_a_worker_reports_its_telemetry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PCM_TELEMETRY_SECONDS", "0.02")
    with Worker(tmp_path) as worker:
        first = worker.wait(Telemetry)
        second = worker.wait(Telemetry)
        assert second.end_seconds > first.end_seconds
        assert second.seconds > 0
        found = {signal for signal, _, _ in second.readings}
        assert {"queue.items", "requests.per_second"} < found <= SIGNALS.keys()
        worker.send(Leave(1.0))
        reports = worker.wait_end()
    assert isinstance(reports[-1], Goodbye)


def test_batches_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PCM_TELEMETRY_SECONDS", "0.02")
    with Worker(tmp_path) as worker:
        # Before its context is there, so that the batch is put off and handled twice.
        worker.send(load(user_code.constant, 1), define(user_code.add), run(7, [1, 2, 3]))
        worker.wait_results(7, 3)
        worker.wait(BatchEnd, batch=7)
        worker.wait(Telemetry)
        last = dict(signals(worker.wait(Telemetry)))
        windows = [report for report in worker.reports if isinstance(report, Telemetry)]
    for name in ("requests.per_second", "queue.done_per_second"):
        counted = sum(dict(signals(window))[name] * window.seconds for window in windows)
        assert counted == pytest.approx(3, abs=0.1)
    assert last["queue.items"] == 0.0


def signals(window: Telemetry) -> list[tuple[str, float]]:
    return [(signal, value) for signal, _, value in window.readings]


def test_none_when_it_is_turned_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PCM_TELEMETRY_SECONDS", "0")
    with Worker(tmp_path) as worker:
        worker.send(Leave(1.0))
        reports = worker.wait_end()
    assert not any(isinstance(report, Telemetry) for report in reports)
