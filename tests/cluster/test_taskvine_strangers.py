"""Workers that cannot be worked with are refused, and both sides say why."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from pcm.core.events import WorkerJoined, WorkerLeft
from pcm.engines.base import LogLine
from tests.cluster.engine_driving import driving
from tests.cluster.needs import needs_taskvine
from tests.cluster.outside import ended, launch, other_python
from tests.cluster.rewriting import Rewriting

pytestmark = [pytest.mark.cluster, needs_taskvine]


def test_a_wrong_password(tmp_path: Path, password: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("open barley")
    with driving(workers=0, password_file=password) as drive:
        launcher = launch(drive.engine.port, wrong)
        line = drive.until(LogLine, lambda line: "password" in line.text)
        status, output = ended(launcher)
    assert "wrong password" in line.text
    assert status == 2
    assert "wrong password" in output


def test_another_protocol_of_taskvine(password: Path) -> None:
    """And a worker of the right one on the same host is welcome after it."""
    with (
        driving(workers=0, password_file=password) as drive,
        Rewriting(drive.engine.port, rb"taskvine \d+ ", b"taskvine 99 ") as other,
    ):
        launcher = launch(other.port, password, "--once")
        line = drive.until(LogLine, lambda line: "protocol 99" in line.text)
        status, output = ended(launcher)
        friend = launch(drive.engine.port, password, "--once")
        drive.finish(drive.warm(drive.until(WorkerJoined).worker))
        friend.send_signal(signal.SIGQUIT)
        ended(friend)
    assert "rejecting worker" in line.text
    assert "The manager is using protocol" in line.text
    assert status == 1
    assert "its TaskVine is of another version family than this vine_worker" in output


def test_another_version_of_the_launcher(password: Path) -> None:
    with driving(workers=0, password_file=password) as drive:
        code = "import workers.carriage; workers.carriage.CARRIAGE_VERSION = 99"
        launcher = launch(drive.engine.port, password, code=code)
        left = drive.until(WorkerLeft)
        status, output = ended(launcher)
    assert left.cause == "refused"
    assert "version 99" in left.detail
    assert status == 2
    assert "this is 99: install the same version of pcm" in output


def test_another_python(tmp_path: Path, password: Path) -> None:
    with driving(workers=0, password_file=password) as drive:
        code = other_python(tmp_path / "python", "import sys; sys.version_info = (3, 9, 1)")
        code += "\nimport workers.carriage; workers.carriage.python_version = lambda: '3.9'"
        launcher = launch(drive.engine.port, password, code=code)
        left = drive.until(WorkerLeft)
        status, output = ended(launcher)
    assert left.cause == "refused"
    assert "its Python is 3.9" in left.detail
    assert status == 2
    assert "this worker 3.9" in output
    assert "start the worker with the manager's" in output


def test_a_python_without_what_the_host_needs(tmp_path: Path, password: Path) -> None:
    with driving(workers=0, password_file=password) as drive:
        code = other_python(tmp_path / "python", "import sys; sys.modules['msgspec'] = None")
        launcher = launch(drive.engine.port, password, code=code)
        line = drive.until(LogLine, lambda line: "left before it was ready" in line.text)
        status, output = ended(launcher)
    assert "what it printed itself says why" in line.text
    assert status == 2
    assert "lacks a module" in output
    assert "install msgspec, cloudpickle for it" in output


def test_a_vine_worker_of_somebody_else(tmp_path: Path, password: Path) -> None:
    with driving(workers=0, password_file=password) as drive:
        command = ["vine_worker", "--single-shot", "--password", str(password)]
        command += ["--workspace", str(tmp_path / "w"), "127.0.0.1", str(drive.engine.port)]
        stranger = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            drive.until(LogLine, lambda line: "none of ours" in line.text)
        finally:
            os.killpg(stranger.pid, signal.SIGKILL)
            stranger.wait()
