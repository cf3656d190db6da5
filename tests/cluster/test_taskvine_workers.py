"""Workers from outside: how they join, leave, and find a new manager."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import pcm
from pcm.core.events import WorkerJoined, WorkerLeft, WorkerNotice
from pcm.errors import EngineError
from tests.cluster import vine_processes
from tests.cluster.engine_driving import Drive, driving
from tests.cluster.needs import needs_taskvine
from tests.cluster.outside import ended, launch
from tests.manager.processes import gone, tree
from tests.manager.workloads import digest, expected, salt

pytestmark = [pytest.mark.cluster, needs_taskvine]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_a_run_on_workers_from_outside_and_the_next_manager(tmp_path: Path, password: Path) -> None:
    port = free_port()
    launchers = [launch(port, password, "--patience", "20") for _ in range(2)]
    try:
        for name in ("one", "two"):
            with pcm.Manager(engine="taskvine", listen=port, password_file=password) as manager:
                run = manager.map(
                    digest, range(100), context=salt(), directory=tmp_path / name, batch=5
                )
                assert {row.key: row.value for row in run} == expected(100)
    finally:
        for launcher in launchers:
            launcher.terminate()
    assert [ended(launcher)[0] for launcher in launchers] == [0, 0]


def test_sigterm_lets_a_worker_go_in_good_order(password: Path) -> None:
    with driving(workers=0, password_file=password) as drive:
        launcher = launch(drive.engine.port, password, "--id", "guest", "--grace", "7")
        worker = drive.warm(drive.until(WorkerJoined).worker)
        assert worker.startswith("guest-")
        drive.finish(worker)
        launcher.send_signal(signal.SIGTERM)
        assert drive.until(WorkerNotice).leaves_in_seconds == 7
        assert drive.until(WorkerLeft).cause == "evicted"
        assert drive.engine.events(0.0) == []
        status, output = ended(launcher)
    assert status == 0
    assert "left in good order" in output


def test_force_ends_a_worker_from_outside_that_does_not_hear(password: Path) -> None:
    from pcm.core.commands import Retire

    with driving(workers=0, password_file=password) as drive:
        launcher = launch(drive.engine.port, password, "--once")
        worker = drive.warm(drive.until(WorkerJoined).worker)
        (vine_worker,) = vine_processes.children(launcher.pid, "vine_worker")
        (host,) = vine_processes.children(vine_worker.pid, "pcm-kit.zip")
        host.suspend()
        drive.engine.order(Retire(worker, 0, "does not answer", force=True))
        assert drive.until(WorkerLeft).cause == "retired"
        status, _ = ended(launcher)
    assert status == 1


def test_a_killed_launcher_leaves_nothing(tmp_path: Path, password: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with driving(workers=0, password_file=password) as drive:
        launcher = launch(drive.engine.port, password, "--scratch", str(scratch))
        drive.warm(drive.until(WorkerJoined).worker)
        family = tree(launcher.pid)
        launcher.kill()
        assert drive.until(WorkerLeft).cause == "lost"
        assert gone(family)
        assert not list(scratch.iterdir())
        ended(launcher)


def test_workers_from_outside_come_again_when_the_driver_has_died(password: Path) -> None:
    with driving(workers=0, listen=free_port(), password_file=password) as drive:
        launcher = launch(drive.engine.port, password, "--patience", "20")
        before = drive.warm(drive.until(WorkerJoined).worker)
        vine_processes.driver().kill()
        assert drive.until(WorkerLeft).worker == before
        again = drive.until(WorkerJoined).worker
        assert again != before
        drive.warm(again)
        drive.finish(again)
        launcher.terminate()
        ended(launcher)


def test_a_driver_that_dies_again_and_again_is_given_up(password: Path) -> None:
    def kill_for_ever(drive: Drive) -> None:
        while True:
            for driver in vine_processes.children(None, vine_processes.DRIVER):
                driver.kill()
            drive.engine.events(1.0)

    with (
        driving(workers=0, password_file=password) as drive,
        pytest.raises(EngineError, match="killed by signal 9"),
    ):
        kill_for_ever(drive)


VANISHING = """
import subprocess, sys
from pathlib import Path
from pcm.core.events import WorkerJoined, WorkerLeft
from tests.cluster.engine_driving import OneTask, driving
from tests.cluster.vanishing import HERE, Machine
password = Path(sys.argv[1])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
with Machine() as machine, driving(OneTask(seconds=60), workers=0, password_file=password) as drive:
    command = [*machine.inside, sys.executable, "-m", "workers.launch", "--once"]
    command += [f"{HERE}:{drive.engine.port}", "--password-file", str(password)]
    launcher = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    worker = drive.warm(drive.until(WorkerJoined).worker)
    if sys.argv[2] == "busy":
        drive.dispatch(worker)
    drive.engine.events(0.3)
    machine.vanish()
    print(drive.until(WorkerLeft).cause)
    launcher.terminate()
    launcher.wait()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces, which needs root")
@pytest.mark.parametrize("state", ["idle", "busy"])
def test_a_machine_that_vanishes_is_missed(password: Path, state: str) -> None:
    """Within the deadline of ``until``; TaskVine's own default is a quarter of an hour."""
    command = ["unshare", "--net", sys.executable, "-c", VANISHING, str(password), state]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert answer.stdout == "lost\n"


def test_the_password_is_made_for_this_user_alone() -> None:
    with driving(workers=0) as drive:
        path = drive.engine.password_file
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert len(path.read_text()) >= 32
    assert not path.exists()


def test_encrypted(tmp_path: Path) -> None:
    with pcm.Manager(engine="taskvine", workers=1, ssl=True) as manager:
        run = manager.map(digest, range(50), context=salt(), batch=5)
        assert {row.key: row.value for row in run} == expected(50)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EngineError, match=str(port)), driving(workers=0, listen=port):
            pass
