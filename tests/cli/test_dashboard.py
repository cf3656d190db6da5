"""``pcm dashboard``, and the page that ``pcm run`` serves."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pcm.access import DashboardNote
from pcm.cli.served import Wish, wish
from pcm.errors import InputError
from tests.cli.conftest import Project
from tests.dashboard import runs

PATIENCE_SECONDS = 30.0
PCM = (sys.executable, "-m", "pcm.cli")


def start(*words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PCM, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_it_serves_until_it_is_stopped_and_leaves_runs_alone(tmp_path: Path) -> None:
    runs.finished(tmp_path / "run")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    process = start("dashboard", tmp_path / "run", "--json", "--token-file", tmp_path / "token")
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["url"]
    assert url.endswith((tmp_path / "token").read_text().strip())
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, said) == (0, "")
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    assert {name for name in after if "-shm" not in name and "-wal" not in name} == set(before)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["absent"], "not a directory"),
        (["."], "holds no run"),
        ([], "Missing argument"),
        (["run", "--port", "70000"], "--port"),
        (["run", "--host", "192.0.2.1"], "cannot listen"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, words: list[str], said: str) -> None:
    runs.finished(tmp_path / "run" / "one")
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [*PCM, "dashboard", *words],
        cwd=tmp_path / "empty" if words == ["."] else tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_of_a_run_whose_manager_serves_it_tells_the_address(project: Project) -> None:
    """Here and at the terminal of who started it; and what goes to a file has no token."""
    project.items(500)
    project.replace("context:", "arguments: {pause: 0.2}\ncontext:")
    leader, follower = pty.openpty()
    run = subprocess.Popen(
        [*PCM, "run", "run.yaml"],
        cwd=project.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=follower,
    )
    os.close(follower)
    said = b""
    while b"dashboard: http://" not in said or not said.endswith(b"\n"):
        said += os.read(leader, 1000)
    note = DashboardNote.read(project.folder / "out")
    assert note is not None
    assert note.url in said.decode()
    told = subprocess.run(
        [*PCM, "dashboard", "out"],
        cwd=project.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    assert told.stdout.startswith(f"dashboard: {note.url}")
    run.send_signal(signal.SIGTERM)
    while True:  # It waits for who reads its terminal.
        try:
            if not os.read(leader, 1000):
                break
        except OSError:
            break
    run.wait(PATIENCE_SECONDS)
    os.close(leader)


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, None), ("on", True), ("off", False), ("8642", "8642"), ("::1:80", "::1:80")],
)
def test_what_may_be_wished(given: str | None, expected: Wish) -> None:
    assert wish(given) == expected


def test_what_may_not_be_wished() -> None:
    with pytest.raises(InputError, match="on, off, a port"):
        wish("maybe")
