"""The taskvine engine from the command line: the application, `pcm worker`, the doctor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pcm.doctor.taskvine import taskvine
from tests.cli.conftest import ROOT, RUN, Project, ended
from tests.cli.test_resume import wait_for_rows
from tests.cluster.needs import needs_taskvine
from tests.cluster.test_taskvine_workers import free_port

pytestmark = [pytest.mark.cluster, needs_taskvine]

CLAIMS = 60
SLOW = RUN + "arguments: {pause: 0.02}\nbatch: 5\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


class Workers:
    """`pcm worker` processes that are told to leave at the end."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        self._started.append(self._project.start("worker", *arguments))
        return self._started[-1]

    def leave(self) -> None:
        for worker in self._started:
            assert worker.stdout is not None
            if not worker.stdout.closed:
                worker.terminate()
                ended(worker)


@pytest.fixture
def workers(project: Project) -> Iterator[Workers]:
    started = Workers(project)
    yield started
    started.leave()


def advice(manager: subprocess.Popen[str], port: int) -> list[str]:
    """The commands that start a worker, as the manager prints them once it waits for some."""
    assert manager.stderr is not None
    lines = [manager.stderr.readline() for _ in range(4)]
    assert lines[0] == "workers are started with\n", lines
    assert f":{port} --password-file FILE" in lines[3]
    return lines[1].split()


def results(path: Path) -> list[str]:
    """The lines of a results file but for who computed each and how long it took."""
    rows = [json.loads(line) for line in (path / "results.jsonl").read_text().splitlines()]
    for row in rows:
        assert row.pop("provenance")["worker"]
    return [json.dumps(row) for row in rows]


@pytest.mark.models
def test_the_application_on_a_worker_from_outside(project: Project, workers: Workers) -> None:
    def verify(engine: str, *options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "apps.fact_verification", "--demo", "--engine", engine]
        command += ["--out", str(project.folder / engine), "--limit", str(CLAIMS), "--json"]
        pipe = subprocess.PIPE
        return subprocess.Popen([*command, *options], cwd=ROOT, stdout=pipe, stderr=pipe, text=True)

    assert ended(verify("local", "--workers", "1")).code == 0
    port = free_port()
    app = verify("taskvine", "--workers", "0", "--listen", str(port))
    assert advice(app, port) == ["pcm", "worker", str(project.folder / "taskvine")]
    worker = workers.start("taskvine", "--patience", "60")
    end = ended(app)
    assert end.code == 0, end
    assert end.answer["succeeded"] == CLAIMS
    assert results(project.folder / "taskvine") == results(project.folder / "local")
    assert not (project.folder / "taskvine" / "manager.json").exists()
    end = ended(worker)
    assert end.code == 0, "the run that it was for is over"
    assert "the password file is gone" in end.stdout


def test_a_killed_manager_is_resumed_with_its_engine_and_its_worker(
    project: Project, workers: Workers
) -> None:
    project.items(150)
    port = free_port()
    project.write(f"{SLOW}engine: taskvine\nengine_options: {{listen: {port}}}\nworkers: 0\n")
    manager = project.start("run", "run.yaml")
    advice(manager, port)
    worker = workers.start("out", "--patience", "60")
    wait_for_rows(project)
    manager.send_signal(signal.SIGKILL)
    ended(manager)
    alone = project.pcm("worker", "out")
    assert (alone.code, "no manager works on this run" in alone.stderr) == (2, True), alone
    end = project.pcm("resume", "out")  # with the same password, so that the worker comes again
    assert end.code == 3, end
    assert "149 succeeded, 1 failed" in end.stdout
    assert [row["id"] for row in project.rows()] == [f"i{n}" for n in range(150)]
    assert ended(worker).code == 0


def test_by_address_encrypted_and_for_several_workers(project: Project, workers: Workers) -> None:
    project.items(40)
    (project.folder / "secret").write_text("open sesame")
    port = free_port()
    options = ["--password-file", "secret", "--ssl"]
    manager = project.start(
        "run", "run.yaml", "--engine", "taskvine", "--listen", str(port), *options
    )
    advice(manager, port)
    here = [f"127.0.0.1:{port}", "--workers", "4", "--gpus", "", "--id", "guest", "--once"]
    guests = workers.start(*here, *options)
    end = ended(manager)
    assert end.code == 3, end
    names = {row["provenance"]["worker"] for row in project.rows()}
    assert names <= {f"guest-{number}" for number in range(1, 5)}
    end = ended(guests)
    assert (end.code, "wrong password" in end.stdout) == (1, False), "lost, but none was refused"


def test_a_batch_on_workers_that_the_engine_starts(project: Project) -> None:
    project.items(40)
    end = project.pcm("run", "run.yaml", "--engine", "taskvine", "--workers", "2", "--json")
    assert (end.code, end.answer["succeeded"]) == (3, 39), end
    assert end.stderr == ""


def test_the_doctor_tries_the_whole_path(project: Project) -> None:
    end = project.pcm("doctor")
    assert end.code == 0, end
    assert "taskvine engine: works\n  ndcctools      TaskVine 7." in end.stdout
    assert "  trial run      a worker by loopback, one batch, " in end.stdout


def test_the_doctor_gives_up_on_a_vine_worker_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "vine_worker"
    version = 'test "$1" = --version && echo vine_worker version 7.14.5 && exit 0'
    program.write_text(f"#!/bin/sh\n{version}\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    section = taskvine(trial_seconds=3.0)
    assert [check.state for check in section.checks] == ["ok"] * 4 + ["broken"]
    assert "not done after 3 s" in section.checks[-1].detail
    assert section.checks[-1].mend.startswith("python -m pcm.doctor.trial taskvine shows")
