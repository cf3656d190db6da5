from __future__ import annotations

from pathlib import Path

import msgspec
from typer.testing import CliRunner

from pcm.cli.app import app
from pcm.core.events import SkewChanged
from pcm.telemetry.recording import Recorder
from tests.report.logs import STARTED, write
from tests.telemetry.runbook.scenes import scene
from tests.telemetry.test_monitor import TAKEN
from tests.telemetry.test_score import finding


def skew(source: Path, *options: str, code: int = 0) -> str:
    shown = CliRunner().invoke(app, ["skew", str(source), *options])
    assert shown.exit_code == code, shown
    return shown.stdout


def test_a_run(tmp_path: Path) -> None:
    write(tmp_path, [(0, STARTED), (1, finding()), (1, SkewChanged("w1", 2.0, 2.0))])
    text = skew(tmp_path)
    assert text.startswith("w1: 2.0 times slower than its kind\nPC8 host CPU bottleneck at w1")
    told = msgspec.json.decode(skew(tmp_path, "--json"))
    assert told["scores"] == {"w1": 2.0}
    assert told["findings"][0]["condition"] == "PC8"
    assert skew(tmp_path, "--watch") == text  # nobody is at work on it


def test_a_recording(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "windows.jsonl")
    for window in scene({1: TAKEN}):
        recorder.write(window)
    recorder.close()
    assert "PC8 host CPU bottleneck at w1 gpu0" in skew(tmp_path / "windows.jsonl")


def test_neither(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("nonsense\n")
    told = msgspec.json.decode(skew(tmp_path / "bad.jsonl", "--json", code=2))
    assert "bad.jsonl:1: not a window of readings" in told["error"]
    skew(tmp_path, code=2)
