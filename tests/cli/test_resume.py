from __future__ import annotations

import signal

import pytest

from tests.cli.conftest import RUN, Project, ended
from tests.cli.test_run import wait_for_rows

pytestmark = pytest.mark.kills


def test_a_killed_run_is_finished_from_its_directory_alone(project: Project) -> None:
    project.items(200)
    project.write(RUN + "arguments: {pause: 0.02}\nbatch: 5\n")
    process = project.start("run", "run.yaml", "--workers", "1")
    wait_for_rows(project)
    process.send_signal(signal.SIGKILL)
    ended(process)
    (project.folder / "task.py").unlink()
    (project.folder / "items.jsonl").unlink()
    status = project.pcm("status", "out", "--json").answer
    assert status["state"] == "interrupted"
    end = project.pcm("resume", "out", "--workers", "2", "--json")
    assert end.code == 3, end
    assert (end.answer["items"], end.answer["succeeded"], end.answer["failed"]) == (200, 199, 1)
    assert [row["id"] for row in project.rows()] == [f"i{n}" for n in range(200)]
    retried = project.pcm("resume", "out", "--retry-failed", "--json")
    assert (retried.code, retried.answer["failed"]) == (3, 1), "it fails again"


def test_what_is_no_run_gives_2(project: Project) -> None:
    for verb in ("resume", "status", "report"):
        end = project.pcm(verb, "absent")
        assert end.code == 2, end
        assert "absent" in end.stderr
        assert "Traceback" not in end.stderr
    (project.folder / "empty").mkdir()
    assert project.pcm("resume", "empty").code == 2
