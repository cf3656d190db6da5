from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pcm.errors import InputError
from pcm.telemetry.recording import Recorder, read_windows
from tests.telemetry.runbook.scenes import scene
from workers.telemetry import replay


def test_what_is_written_is_read(tmp_path: Path) -> None:
    windows = [window for window, _ in zip(scene(), range(20), strict=False)]
    for part in (windows[:7], windows[7:]):
        recorder = Recorder(tmp_path / "windows.jsonl")
        for window in part:
            recorder.write(window)
        recorder.close()
    assert list(read_windows(tmp_path / "windows.jsonl")) == windows
    assert stat.S_IMODE((tmp_path / "windows.jsonl").stat().st_mode) == 0o600


def test_a_recording_of_one_worker(tmp_path: Path) -> None:
    recorder = replay.Recorder(str(tmp_path / "one.jsonl"))
    recorder.write(1000.0, 1.0, [("host.cpu_pressure", "", 0.5)])
    recorder.close()
    (window,) = read_windows(tmp_path / "one.jsonl")
    assert (window.worker, window.end_seconds) == ("recorded", 1000.0)


def test_what_is_no_window_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"end_seconds": 1, "seconds": 1, "readings": []}\n\n{"end_seconds": "x"}\n')
    with pytest.raises(InputError) as raised:
        list(read_windows(path))
    assert (raised.value.file, raised.value.line) == (str(path), 3)
