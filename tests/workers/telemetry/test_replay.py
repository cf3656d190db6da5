from __future__ import annotations

from pathlib import Path

import pytest

from workers.telemetry.replay import RecordedWindow, Recorder, Replay


def test_what_was_recorded_comes_again_in_its_time(tmp_path: Path) -> None:
    path = str(tmp_path / "windows.jsonl")
    for numbers in ((0, 1), (2, 3)):  # A recording that is taken up again goes on.
        recorder = Recorder(path)
        for number in numbers:
            recorder.write(1000.0 + number, 1.0, [("queue.items", "", float(number))])
        recorder.close()
    replay = Replay.of_file(path)
    assert replay.read(50.0) == [("queue.items", "", 0.0)]
    assert replay.read(50.5) == []
    assert replay.read(52.1) == [("queue.items", "", 2.0)]
    assert replay.read(60.0) == [("queue.items", "", 3.0)]
    assert replay.read(70.0) == []


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        '{"end_seconds": 1, "seconds": 1}',
        '{"end_seconds": 1, "seconds": 1, "readings": [["a", 1, 2]]}',
        '{"end_seconds": 1, "seconds": 1, "readings": [], "more": 0}',
        '{"end_seconds": 1, "seconds": 1, "readings": ['
        + '["a", "", 1],' * 1000
        + '["a", "", 1]]}',
    ],
)
def test_a_line_that_is_no_window_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "windows.jsonl"
    path.write_text('{"end_seconds": 1, "seconds": 1, "readings": []}\n\n' + line + "\n")
    with pytest.raises(ValueError, match=r"windows\.jsonl, line 3: "):
        Replay.of_file(str(path))


def test_an_empty_recording() -> None:
    assert Replay([]).read(1.0) == []
    assert Replay([RecordedWindow(5.0, 1.0, [])]).read(1.0) == []
    with pytest.raises(OSError):
        Replay.of_file("/nowhere/windows.jsonl")
