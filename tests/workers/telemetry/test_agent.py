"""The agent as a program of its own: what it reads arrives at the manager; bad usage is said."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.telemetry.listening import PASSWORD, Listening, listening, wait_for

ROOT = Path(__file__).parents[3]
WINDOW = {"end_seconds": 5.0, "seconds": 1.0, "readings": [["gpu.busy_share", "gpu0", 0.5]]}


def agent(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "workers.telemetry", *arguments],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_bytes(PASSWORD + b"\n")
    return str(path)


def at(here: Listening) -> str:
    return "{}:{}".format(*here.endpoint.address)


def test_what_it_reads_arrives(tmp_path: Path, password_file: str) -> None:
    recorded = tmp_path / "windows.jsonl"
    recorded.write_text(json.dumps(WINDOW) + "\n")
    with listening() as here:
        arguments = ["--to", at(here), "--password-file", password_file, "--worker", "w1"]
        with agent(*arguments, "--replay", str(recorded), "--period", "0.05") as running:
            try:
                worker, telemetry, received = here.next()
                (source,) = here.endpoint.sources()
            finally:
                running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 0
            assert running.stderr is not None
            assert running.stderr.read() == ""
        wait_for(lambda: not here.endpoint.sources())
    assert worker == "w1"
    assert telemetry.readings == [("gpu.busy_share", "gpu0", 0.5)]
    assert abs(telemetry.end_seconds - received) < 5.0
    assert source.name.startswith("w1 at ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--to", "nowhere"], "'nowhere' is not HOST:PORT"),
        (["--password-file", "/nowhere"], "--password-file"),
        (["--password-file", "/dev/null"], "is empty"),
        (["--period", "0"], "--period must be a number of seconds above 0"),
        (["--prometheus", "file:///etc/passwd"], "not a URL of http or https"),
        (["--exporters-only"], "--exporters-only needs --prometheus URL"),
        (["--replay", "/nowhere"], "--replay: cannot be read"),
    ],
)
def test_bad_usage_is_said(
    arguments: list[str],
    complaint: str,
    password_file: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from workers.telemetry.__main__ import main

    good = ["--to", "127.0.0.1:1", "--password-file", password_file, "--worker", "w1"]
    with pytest.raises(SystemExit) as end:
        main([*good, *arguments])
    assert end.value.code == 2
    assert complaint in capsys.readouterr().err
