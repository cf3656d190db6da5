"""The launcher, with small programs in the place of vine_worker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import workers
from workers.staging.directory import default_directory

DEADLINE_SECONDS = 20


def launch(tmp_path: Path, script: str, *options: str) -> subprocess.Popen[str]:
    program = tmp_path / "vine_worker"
    program.write_text(f"#!/bin/bash\n{script}\n")
    program.chmod(0o755)
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "workers.launch", "manager:9123", "--once"]
    command += ["--vine-worker", str(program), "--scratch", str(scratch), *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
    )


def ended(launcher: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = launcher.communicate(timeout=DEADLINE_SECONDS)
    return launcher.returncode, output


def test_vine_worker_is_told_who_it_is(tmp_path: Path) -> None:
    script = 'echo "$@"; echo id=$PCM_WORKER gpus=$CUDA_VISIBLE_DEVICES'
    launcher = launch(tmp_path, script, "--id", "w1", "--gpus", "GPU-7", "--cores", "3", "--ssl")
    _, output = ended(launcher)
    for words in (
        "--single-shot",
        "--feature pcm-worker --feature pcm=w1",
        "/pcm=w1/python=",
        "--cores 3 --gpus 0",
        "--ssl manager 9123",
        "id=w1 gpus=GPU-7",
    ):
        assert words in output


def test_its_host_is_told_where_model_files_are_kept(tmp_path: Path) -> None:
    script = "echo cache=$PCM_CACHE never=${PCM_NEVER_SHARED:-no}."
    _, output = ended(launch(tmp_path, script))
    assert f"cache={default_directory()} never=no." in output
    relative = os.path.relpath(tmp_path / "c")
    _, output = ended(launch(tmp_path, script, "--cache", relative, "--never-shared"))
    assert f"cache={tmp_path / 'c'} never=1." in output


def test_without_its_packages_it_says_how_to_get_them() -> None:
    command = [sys.executable, "-S", "-m", "workers.launch", "h:1"]
    home = str(Path(workers.__file__).parents[1])
    answer = subprocess.run(
        command, check=False, capture_output=True, text=True, env={"PYTHONPATH": home}
    )
    assert answer.returncode == 1
    assert "No module named" in answer.stdout
    assert f"{sys.executable} -m pip install msgspec cloudpickle" in answer.stdout
    assert answer.stderr == ""


@pytest.mark.parametrize(
    ("script", "status", "words"),
    [
        ("echo 'vine_worker: wrong password for manager x' >&2; sleep 60", 2, "wrong password"),
        ("echo cannot connect >&2; exit 0", 0, "no manager: vine_worker: exit code 0"),
        ("echo 'connected to manager x'; exit 0", 1, "another version family"),
    ],
)
def test_how_it_ends(tmp_path: Path, script: str, status: int, words: str) -> None:
    code, output = ended(launch(tmp_path, script))
    assert code == status
    assert words in output
    assert not list((tmp_path / "scratch").iterdir())


def test_without_vine_worker_it_says_how_to_get_it() -> None:
    command = [sys.executable, "-m", "workers.launch", "h:1", "--vine-worker", "no-such-program"]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    assert answer.returncode == 1
    assert "install TaskVine" in answer.stdout


def test_a_bad_address_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "workers.launch", "nowhere", "--vine-worker", "/bin/true"]
    command += ["--scratch", str(tmp_path)]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    assert answer.returncode == 1
    assert "'nowhere' is not HOST:PORT" in answer.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_told_to_leave_before_there_was_work(tmp_path: Path, number: signal.Signals) -> None:
    launcher = launch(tmp_path, "echo started >&2; sleep 60 & wait")
    assert launcher.stdout is not None
    assert launcher.stdout.readline() == "pcm worker: started\n"
    launcher.send_signal(number)
    code, _ = ended(launcher)
    assert code == 0
    assert not list((tmp_path / "scratch").iterdir())


def test_it_leaves_before_its_walltime_which_its_host_is_told(tmp_path: Path) -> None:
    script = "echo at=$PCM_LEAVES_AT zone=$PCM_ZONE; sleep 60 & wait"
    before = time.time()
    options = ("--walltime", "3", "--grace", "1.5", "--zone", "a site")
    code, output = ended(launch(tmp_path, script, *options))
    assert code == 0
    (line,) = [line for line in output.splitlines() if "at=" in line]
    told = re.fullmatch(r"pcm worker: at=(\S+) zone=(.*)", line)
    assert told is not None, line
    leaves_at, zone = told.groups()
    assert before + 1.5 <= float(leaves_at) <= time.time()
    assert zone == "a site"
    assert "the walltime is almost over" in output
    assert not list((tmp_path / "scratch").iterdir())


def test_a_walltime_to_work_in(tmp_path: Path) -> None:
    code, output = ended(launch(tmp_path, "true", "--walltime", "9", "--grace", "9"))
    assert (code, "--walltime 9 leaves no time to work in" in output) == (2, True)


def test_what_nobody_says_is_not_known(tmp_path: Path) -> None:
    _, output = ended(launch(tmp_path, "echo at=${PCM_LEAVES_AT:-no} zone=${PCM_ZONE:-no}."))
    assert "at=no zone=no." in output
