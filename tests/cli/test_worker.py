"""`pcm worker` with small programs in the place of vine_worker."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from pcm.engines.invitation import NOTE_FILE, PASSWORD_FILE
from tests.cli.conftest import ROOT, RUN, Ended, Project, ended
from tests.cli.test_run import wait_for_work
from tests.manager.processes import gone, tree
from workers.probe import ACCELERATORS_VARIABLE
from workers.protocol import Gpu

TELL = (
    'echo "$@" id=$PCM_WORKER gpus=$CUDA_VISIBLE_DEVICES cache=$PCM_CACHE,$PCM_NEVER_SHARED'
    " at=$PCM_LEAVES_AT zone=$PCM_ZONE"
)
"""A vine_worker that tells what it was told, and finds no manager."""
STAY = "echo started; sleep 600 & wait"


class Machine:
    """A folder with a vine_worker of ours, in which `pcm worker` is started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[str]] = []
        (folder / "bin").mkdir()
        (folder / "scratch").mkdir()
        self.password = folder / "password"
        self.password.write_text("open sesame")
        self.password.chmod(0o600)

    def program(self, script: str) -> None:
        program = self.folder / "bin" / "vine_worker"
        program.write_text(f"#!/bin/bash\n{script}\n")
        program.chmod(0o755)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "error", "-m", "pcm.cli", "worker", *arguments]
        process = subprocess.Popen(
            [*command, "--scratch", str(self.folder / "scratch")],
            cwd=self.folder,
            env=os.environ
            | {"PYTHONPATH": str(ROOT), "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def worker(self, *arguments: str) -> Ended:
        return ended(self.start(*arguments))

    def nothing_left(self) -> bool:
        return not list((self.folder / "scratch").iterdir())

    def close(self) -> None:
        """Ends what a test that failed has left."""
        for process in self._started:
            with process:
                process.kill()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with closing(Machine(tmp_path)) as machine:
        yield machine


def a_run(folder: Path, **note: Any) -> Path:
    """The directory of a run whose manager is said to be there."""
    directory = folder / "a run"
    directory.mkdir()
    (directory / "cargo.msgpack").touch()
    if note:
        said = {"hosts": ["127.0.0.1"], "port": 9, "ssl": False, "host": "far-away", "pid": 1}
        (directory / NOTE_FILE).write_text(json.dumps(said | note))
        (directory / PASSWORD_FILE).write_text("secret")
    return directory


def test_the_options_reach_vine_worker(machine: Machine) -> None:
    machine.program(TELL)
    options = ["--id", "w1", "--gpus", "GPU-7", "--cores", "3", "--ssl", "--patience", "2"]
    options += ["--cache", "kept", "--never-shared", "--password-file", "password", "--once"]
    end = machine.worker("manager:9123", *options)
    assert end.code == 0, end
    for words in (
        "--feature pcm=w1",
        "--cores 3",
        "--connect-timeout 2",
        f"--password {machine.password} --ssl manager 9123 id=w1 gpus=GPU-7",
        f"cache={machine.folder / 'kept'},1",
    ):
        assert words in end.stdout
    assert machine.nothing_left()


def test_the_manager_can_be_told_when_it_leaves_and_with_whom(machine: Machine) -> None:
    machine.program(TELL)
    before = time.time()
    options = ["--walltime", "2 h", "--grace", "90", "--zone", "rack 7", "--once"]
    end = machine.worker("manager:9123", *options)
    assert end.code == 0, end
    assert "zone=rack 7" in end.stdout
    leaves_at = float(end.stdout.partition("at=")[2].split()[0])
    assert before <= leaves_at - (7200 - 90) <= time.time()


@pytest.mark.parametrize(
    ("walltime", "words"),
    [
        ("long", "--walltime: 'long' is not a time; write it like \"8 h\""),
        ("10", "--walltime: '10' leaves no time to work in, with 10 s to leave in"),
        ("0 s", "leaves no time to work in"),
    ],
)
def test_a_walltime_that_is_none(machine: Machine, walltime: str, words: str) -> None:
    end = machine.worker("manager:9123", "--walltime", walltime)
    assert (end.code, words in end.stderr) == (2, True), end


@pytest.mark.parametrize("count", [1, 2])
def test_sigterm_lets_workers_go_in_good_order(machine: Machine, count: int) -> None:
    machine.program(STAY)
    process = machine.start("manager:9123", "--workers", str(count), "--gpus", "")
    for _ in range(count):
        wait_for_line(process, "pcm worker: started\n")
    process.send_signal(signal.SIGTERM)
    end = ended(process)
    assert end.code == 0, end
    assert end.stdout.count("told to leave") == count
    assert machine.nothing_left()


def wait_for_line(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    while (read := process.stdout.readline()) != line:
        assert read, "it has ended"


def test_it_ends_when_its_run_has_no_manager_any_more(machine: Machine) -> None:
    machine.program("echo 'connected to manager x'; rm password; exit 0")
    end = machine.worker("manager:9123", "--password-file", "password")
    assert end.code == 0, end
    assert "the password file is gone: the run that this worker was for" in end.stdout


def test_several_workers_share_the_machine(machine: Machine) -> None:
    machine.program(f"{TELL} > told-$PCM_WORKER")
    cores = len(os.sched_getaffinity(0))
    end = machine.worker("manager:9123", "--workers", "2", "--id", "w", "--gpus", "", "--once")
    assert end.code == 0, end
    told = [(machine.folder / f"told-{name}").read_text() for name in ("w-1", "w-2")]
    assert all(f"--cores {max(1, cores // 2)} " in line for line in told)


TWO_EACH = ("--workers", "2", "--gpus-per-worker", "2")


def test_several_gpus_for_each_of_several_workers(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    four = [Gpu(number, f"GPU-{number}", "Made up", 1 << 30) for number in range(4)]
    monkeypatch.setenv(ACCELERATORS_VARIABLE, msgspec.json.encode(four).decode())
    machine.program(f"{TELL} > told-$PCM_WORKER")
    end = machine.worker("manager:9123", *TWO_EACH, "--id", "w", "--once")
    assert end.code == 0, end
    told = [(machine.folder / f"told-{name}").read_text() for name in ("w-1", "w-2")]
    assert ["gpus=GPU-0,GPU-1 " in told[0], "gpus=GPU-2,GPU-3 " in told[1]] == [True, True], told
    chosen = ("--gpus", "3,1", "--gpus-per-worker", "2")
    one = machine.worker("manager:9123", *chosen, "--id", "w", "--once")
    assert one.code == 0, one
    assert "gpus=GPU-3,GPU-1 " in (machine.folder / "told-w").read_text()
    lacking = machine.worker("manager:9123", *TWO_EACH, "--gpus", "1,2")
    assert lacking.code == 2, lacking
    assert "workers: is 2, but each worker has 2 GPUs of its own and there are 2" in lacking.stderr


def test_the_highest_exit_code_of_several(machine: Machine) -> None:
    refused = "echo 'vine_worker: wrong password for manager x'; sleep 60"
    machine.program(f"[[ $* == *pcm=w-2* ]] && {{ {refused}; }}; exit 0")
    end = machine.worker("manager:9123", "--workers", "2", "--id", "w", "--gpus", "", "--once")
    assert end.code == 2, end
    assert "wrong password" in end.stdout


@pytest.mark.kills
def test_workers_end_with_a_pcm_worker_that_is_killed(machine: Machine) -> None:
    machine.program(STAY)
    process = machine.start("manager:9123", "--workers", "2", "--gpus", "")
    for _ in range(2):
        wait_for_line(process, "pcm worker: started\n")
    family = tree(process.pid)
    process.kill()
    ended(process)
    assert gone(family)
    assert machine.nothing_left()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_one_worker_is_this_very_process(machine: Machine) -> None:
    machine.program(STAY)
    process = machine.start("manager:9123")
    wait_for_line(process, "pcm worker: started\n")
    assert "workers.launch" in psutil.Process(process.pid).cmdline()
    process.terminate()
    assert ended(process).code == 0


@pytest.mark.parametrize(
    ("manager", "options", "words"),
    [
        ("absent", [], "'absent' is neither the directory of a run nor HOST:PORT"),
        ("host:", [], "neither the directory of a run nor HOST:PORT"),
        ("bin", [], "bin: holds no run; give the directory of a run"),
        ("host:9", ["--password-file", "nowhere"], "--password-file: nowhere cannot be read"),
        ("host:9", ["--workers", "2", "--gpus", "71"], "gpus: no GPU 71"),
    ],
)
def test_what_is_no_manager_gives_2(
    machine: Machine, manager: str, options: list[str], words: str
) -> None:
    machine.program("echo must not be started")
    end = machine.worker(manager, *options)
    assert (end.code, end.stdout) == (2, ""), end
    assert words in end.stderr
    assert "Traceback" not in end.stderr


def test_a_run_without_a_manager(machine: Machine) -> None:
    directory = a_run(machine.folder)
    end = machine.worker(str(directory))
    assert end.code == 2, end
    assert "no manager works on this run" in end.stderr
    assert f"pcm resume '{directory}' --engine taskvine --listen PORT" in end.stderr


def test_a_note_that_a_dead_manager_left(machine: Machine) -> None:
    directory = a_run(machine.folder, host=socket.gethostname())
    end = machine.worker(str(directory))
    assert end.code == 2, end
    assert "no manager works on this run" in end.stderr


def test_a_note_that_cannot_be_read(machine: Machine) -> None:
    directory = a_run(machine.folder, pid=1)
    (directory / PASSWORD_FILE).unlink()
    (directory / PASSWORD_FILE).mkdir()  # a mode would not stop root
    end = machine.worker(str(directory))
    assert end.code == 2, end
    assert f"{directory / PASSWORD_FILE}: cannot be read" in end.stderr
    assert "as the user who started the manager" in end.stderr


def test_a_manager_elsewhere_that_does_not_answer(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    end = machine.worker(str(a_run(machine.folder, port=port, pid=77)))
    assert end.code == 2, end
    assert f"(process 77 on far-away) does not answer: 127.0.0.1:{port}: " in end.stderr


def test_a_manager_elsewhere_is_reached_by_the_name_that_answers(machine: Machine) -> None:
    machine.program(TELL)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        hosts = ["no-such-host.invalid", "127.0.0.1"]
        directory = a_run(machine.folder, port=port, ssl=True, hosts=hosts)
        end = machine.worker(str(directory), "--once")
    assert end.code == 0, end
    assert f"--password {directory / PASSWORD_FILE} --ssl 127.0.0.1 {port} " in end.stdout


def test_a_manager_that_takes_no_workers(project: Project) -> None:
    project.write(RUN + "arguments: {pause: 60}\n")
    manager = project.start("run", "run.yaml", "--workers", "1")
    try:
        wait_for_work(project, manager)
        end = project.pcm("worker", "out")
    finally:
        manager.kill()
        ended(manager)
    assert end.code == 2, end
    assert "the manager of this run takes no workers from outside" in end.stderr
