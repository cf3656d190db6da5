from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

import pcm
from pcm.cli.app import app
from tests.manager.workloads import digest, salt


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report") / "run"
    with pcm.Manager(workers=1) as manager:
        manager.map(digest, range(20), context=salt(), directory=directory).wait()
    return directory


def report(directory: Path, *options: str) -> str:
    shown = CliRunner().invoke(app, ["report", str(directory), *options])
    assert shown.exit_code == 0, shown
    return shown.stdout


def test_the_bound_and_where_the_rest_went(run: Path) -> None:
    text = report(run)
    assert "no scheduler could have been faster; this run took" in text
    assert "idle with work waiting" in text
    assert "simulator" not in text


def test_the_simulator_is_asked_if_it_shall_be(run: Path) -> None:
    assert "replayed in the simulator: " in report(run, "--replay").splitlines()[-1]
    plain = msgspec.json.decode(report(run, "--json"))
    assert "replay" not in plain
    assert 0 < plain["bound_seconds"] <= plain["seconds"]
    assert set(plain["split"]) >= {"useful_seconds", "idle_seconds", "no_work_seconds"}
    simulated = msgspec.json.decode(report(run, "--replay", "--json"))["replay"]
    assert simulated["predicted_seconds"] > 0
    assert simulated["measured_seconds"] > 0


def test_a_run_that_never_ended_has_no_replay(tmp_path: Path) -> None:
    with pcm.Manager(workers=0) as manager:
        manager.map(digest, range(3), context=salt(), directory=tmp_path / "run").cancel()
    shown = CliRunner().invoke(app, ["report", str(tmp_path / "run"), "--replay"])
    assert shown.exit_code == 2
    assert "let the run finish first" in shown.stderr
