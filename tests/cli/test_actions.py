"""A run that goes on in one process is paused and ended from others."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pcm.cli.app import app
from pcm.control import note
from tests.cli.conftest import Project, ended


def ask(*arguments: str, code: int = 0) -> str:
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == code, shown
    return shown.stdout


def test_a_run_of_another_process_is_paused_and_cancelled(project: Project) -> None:
    project.items(1000, first=14)
    project.replace("directory: out", "directory: out\narguments:\n  pause: 0.2")
    process = project.start("run", "run.yaml", "--workers", "1", "--json")
    out = project.folder / "out"
    deadline = time.monotonic() + 60.0
    while not note.can_act(out):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    assert "paused" in ask("pause", str(out))
    answer = json.loads(ask("pause", str(out), "--json"))
    assert answer == {"done": True, "text": "the run is paused already", "exit_code": 0}
    assert ": paused; " in ask("status", str(out))
    assert "goes on" in ask("unpause", str(out))
    assert ": running; " in ask("status", str(out))
    assert "no item" in ask("retry", str(out))
    assert json.loads(ask("drain", str(out), "nobody", "--json", code=2))["done"] is False
    assert f"pcm resume {out}" in ask("cancel", str(out))
    assert ended(process).code != 0
    lines = ask("events", str(out), "--kind", "ActionTaken").splitlines()
    assert len(lines) == 6
    assert "pause, asked by cli (uid " in lines[0]


@pytest.mark.parametrize("verb", ["pause", "unpause", "cancel", "retry"])
def test_where_nobody_is_at_work_nothing_can_be_asked(tmp_path: Path, verb: str) -> None:
    answer = json.loads(ask(verb, str(tmp_path), "--json", code=2))
    assert "holds no run" in answer["error"]
