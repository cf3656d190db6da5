"""Telemetry on its way through TaskVine: it arrives, and nothing waits for it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import pcm
from pcm.core.events import BatchDone
from pcm.engines.base import Happening, Observed
from tests.cluster.engine_driving import OneTask, driving
from tests.cluster.needs import needs_taskvine
from tests.cluster.outside import ended, launch
from tests.cluster.waiting import until
from tests.manager.disturbing import assert_exact
from tests.manager.workloads import digest, salt
from workers.telemetry.replay import RecordedWindow
from workers.telemetry.sampling import PERIOD_VARIABLE, RECORD_VARIABLE

pytestmark = [pytest.mark.cluster, needs_taskvine]

PERIOD_SECONDS = 0.05
ITEMS = 100
BATCHES = 8


def test_the_manager_hears_of_every_worker(
    tmp_path: Path, password: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PERIOD_VARIABLE, str(PERIOD_SECONDS))
    recording = tmp_path / "telemetry.jsonl"
    with pcm.Manager("taskvine", workers=1, listen=0, password_file=password) as manager:
        invitation = manager.invitation()
        assert invitation is not None
        monkeypatch.setenv(RECORD_VARIABLE, str(recording))
        guest = launch(invitation.port, password, "--id", "guest", "--once")
        try:
            until(lambda: len(manager.workers()) == 2, manager.workers)
            run = manager.map(
                digest.bind(seconds=0.01),
                range(ITEMS),
                context=salt(),
                directory=tmp_path / "run",
                batch=5,
            )
            assert_exact(run, ITEMS)
            there = {one.worker for one in manager.workers()}
            until(lambda: manager.skew().scores.keys() == there, manager.skew)
        finally:
            guest.terminate()
            assert ended(guest)[0] == 0
    decoder = msgspec.json.Decoder(RecordedWindow)
    windows = [decoder.decode(line) for line in recording.read_bytes().splitlines()]
    signals = {signal for window in windows for signal, _, _ in window.readings}
    # Of the connection that vine_worker holds; and of the supervisor's own batches.
    assert {"egress.backlog_bytes", "queue.items"} <= signals


def test_windows_come_along_with_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often a worker reads: its windows do not take answers of their own while there are
    others, nor do results wait for them."""
    monkeypatch.setenv(PERIOD_VARIABLE, str(PERIOD_SECONDS))
    with driving(OneTask(seconds=6 * PERIOD_SECONDS)) as drive:
        worker = drive.worker()
        brought: list[int] = []
        take = drive.engine.events

        def counting(patience_seconds: float | None) -> list[Happening]:
            happenings = take(patience_seconds)
            brought.append(sum(isinstance(happening, Observed) for happening in happenings))
            return happenings

        monkeypatch.setattr(drive.engine, "events", counting)
        ends = [drive.finish(worker) for _ in range(BATCHES)]
    assert {type(end) for end in ends} == {BatchDone}
    answers = [windows for windows in brought if windows]
    assert len(answers) <= 2 * BATCHES
    assert sum(answers) > 2 * BATCHES
