"""The root and `enter`: TaskVine and HTCondor work in it, and nothing of a command is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster import rootfs

pytestmark = pytest.mark.cluster

HERE = Path(__file__).parent
SECONDS = 90  # deadline of every command

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `enter ARGUMENTS...` with pipes for its input, output and errors."""
    if not rootfs.native():
        if not rootfs.ROOT.is_dir():
            pytest.skip("neither TaskVine nor a cluster root here: run `make cluster`")
        if os.geteuid() != 0:
            pytest.skip("entering the cluster root needs root")

    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str | Path) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [HERE / "enter", *arguments]
        processes.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return processes[-1]

    yield start
    for process in processes:
        with process:
            process.kill()


@pytest.fixture
def isolated(start: Start) -> Start:
    if rootfs.native():
        pytest.skip("TaskVine is native here, so `enter` isolates nothing")
    return start


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit status, output and errors, once every holder of its output has ended."""
    output, errors = process.communicate(timeout=SECONDS)
    return process.returncode, output, errors


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_taskvine_runs_calls_of_our_own_library(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    status, output, errors = finish(start("python", "-m", "tests.cluster.echo_calls"))
    assert status == 0, errors
    seen = json.loads(output)
    assert seen["answer"] == ["a", 1]
    assert "ValueError: on purpose" in seen["reason"]
    p50, p95 = (1000 * seen[name] for name in ("p50_seconds", "p95_seconds"))
    with capsys.disabled():
        print(f"\nempty TaskVine call: p50 {p50:.2f} ms, p95 {p95:.2f} ms")


def test_condor_runs_a_job_of_the_ordinary_user(start: Start) -> None:
    if rootfs.native() and not Path("/", rootfs.STAMP).exists():
        pytest.skip("would start HTCondor's daemons on this machine")
    status, output, errors = finish(start("--root", "--own-network", HERE / "one_job", rootfs.USER))
    assert status == 0, errors
    assert output.split() == [rootfs.USER, f"{rootfs.VENV}/bin/python"]


@pytest.mark.parametrize("status", [0, 3, 255])
def test_exit_status_is_the_commands(start: Start, status: int) -> None:
    assert finish(start("sh", "-c", f"exit {status}")) == (status, "", "")


def test_a_command_that_is_not_there_says_so(isolated: Start) -> None:
    status, _, errors = finish(isolated("no-such-command"))
    assert (status, errors) == (127, "enter: no-such-command: No such file or directory\n")


def test_death_by_signal_is_told(isolated: Start) -> None:
    assert finish(isolated("sh", "-c", "kill -s USR1 $$"))[0] == 128 + signal.SIGUSR1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_signals_reach_the_command(start: Start, number: signal.Signals) -> None:
    name = number.name.removeprefix("SIG")
    # A shell runs its trap between commands and in `wait`.
    script = f"trap 'echo got {name}; exit 9' {name}; echo ready; sleep {SECONDS} & wait; exit 1"
    process = start("bash", "-c", f"trap 'kill %1' EXIT; {script}")
    assert next_line(process) == "ready"
    process.send_signal(number)
    assert finish(process)[:2] == (9, f"got {name}\n")


@pytest.mark.parametrize("end", ["by itself", "killed"])
def test_nothing_is_left(isolated: Start, end: str) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    process = isolated("bash", "-c", "setsid sleep 600 & echo $!; read")
    assert next_line(process).isdigit()
    if end == "killed":
        process.kill()
    # The daemon holds the pipe: without its death there is no end of output before the deadline.
    finish(process)
    assert Path("/proc/self/mountinfo").read_text() == mounts


def test_commands_side_by_side_do_not_meet(isolated: Start) -> None:
    script = (
        "echo $0 >/tmp/who; echo $0 >/etc/who; echo ready; read; cat /tmp/who /etc/who;"
        "set -- /proc/[0-9]*; echo $#"
    )
    both = [isolated("--root", "bash", "-c", script, name) for name in ("one", "two")]
    for process in both:
        assert next_line(process) == "ready"
    for process, name in zip(both, ("one", "two"), strict=True):
        # Two processes: the first of the namespace and the shell.
        assert finish(process)[:2] == (0, f"{name}\n{name}\n2\n")
    assert not (rootfs.ROOT / "etc/who").exists()


def test_the_environment_is_clean(isolated: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PCM_SEEN", "yes")
    monkeypatch.setenv("HIDDEN", "yes")
    output = finish(isolated("--user", rootfs.USER, "env"))[1]
    seen = dict(line.split("=", 1) for line in output.splitlines())
    assert seen.pop("PCM_SEEN") == "yes"
    assert seen["HOME"] == f"/home/{rootfs.USER}"
    assert seen["PATH"].startswith(f"{rootfs.VENV}/bin:")
    expected = {"HOME", "LANG", "LOGNAME", "PATH", "PYTHONPATH", "SHELL", "TERM", "USER"}
    assert {name for name in seen if not name.startswith("PCM_")} == expected


def test_the_checkout_is_seen_where_it_is(
    isolated: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(HERE)
    assert finish(isolated("pwd"))[1] == f"{HERE}\n"
    (tmp_path / "given").write_text("seen")
    script = f"cat {tmp_path}/given && echo answer >{tmp_path}/answer"
    assert finish(isolated("--bind", tmp_path, "--root", "sh", "-c", script))[:2] == (0, "seen")
    assert (tmp_path / "answer").read_text() == "answer\n"
