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


def test_the_whole_story_as_a_page_and_as_json(run: Path, tmp_path: Path) -> None:
    said = report(run, "--html", str(tmp_path / "story.html"))
    assert said == f"report: {tmp_path / 'story.html'}\n"
    page = (tmp_path / "story.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "20 of 20 items finished, none failed." in page
    told = msgspec.json.decode(report(run, "--html", str(tmp_path / "again.html"), "--json"))
    assert (tmp_path / "again.html").is_file()
    fall = told["waterfall"]
    lost = sum(loss["seconds"] for loss in fall["losses"])
    assert fall["bound_seconds"] + lost == pytest.approx(fall["seconds"])
    assert told["series"]["finished"][-1] == 20
    assert told["manifest"]["run"] == told["run"]
    assert told["events"]["Dispatch"] == told["batches"]


def test_a_page_that_cannot_be_written_is_said(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "story.html"
    shown = CliRunner().invoke(app, ["report", str(run), "--html", str(path)])
    assert shown.exit_code == 2
    assert "the report cannot be written" in shown.stderr
    assert str(path) in shown.stderr
