"""The script on the node, with a launcher that is told how to end."""

from __future__ import annotations

import ast
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from condor import glidein, materials
from condor.glidein import AGAIN, BROKEN, DONE, MACHINE_UNFIT

HERE = Path(glidein.__file__).parent
VERSION = "{}.{}".format(*sys.version_info[:2])
LAUNCHER = """
import os, signal, sys, time
arguments = sys.argv[1:]
print("pcm worker: connected to manager for", *arguments, flush=True)
plan = os.environ.get("PLAN", "exit 0").split()
if plan[0] == "exit":
    print("pcm worker: worker w has ended: as planned", flush=True)
    sys.exit(int(plan[1]))
if plan[0] == "die":
    os.kill(os.getpid(), signal.SIGKILL)
def leave(*_):
    os.write(1, b"leaving\\n")  # It may be printing.
    sys.exit(0)
signal.signal(signal.SIGTERM, leave if plan[0] == "work" else signal.SIG_IGN)
print("ready", flush=True)
while True:
    time.sleep(60)
"""


class Node:
    """A directory as HTCondor gives a job, and a PATH with what the node has."""

    def __init__(self, path: Path) -> None:
        self.scratch, self.bin = path / "scratch", path / "bin"
        for folder in (self.scratch, self.bin):
            folder.mkdir()
        with zipfile.ZipFile(self.scratch / materials.KIT, "w") as kit:
            kit.writestr("workers/__init__.py", "")
            kit.writestr("workers/launch/__init__.py", "")
            kit.writestr("workers/launch/__main__.py", LAUNCHER)
        (self.scratch / "pcm-password").write_text("secret")
        for name in (materials.STUB, materials.SCRIPT):
            (self.scratch / name).write_bytes((HERE / name).read_bytes())
        (self.scratch / materials.STUB).chmod(0o755)
        self.program("vine_worker", "exit 1")
        (self.bin / "python3").symlink_to(sys.executable)
        self.path = f"{self.bin}:/usr/bin:/bin"
        self.variables = {"_CONDOR_SCRATCH_DIR": str(self.scratch)}

    def program(self, name: str, script: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def start(self, *options: str, plan: str = "exit 0") -> subprocess.Popen[str]:
        command = [str(self.scratch / materials.STUB), "--manager", "127.0.0.1:9"]
        command += ["--password-file", "pcm-password", "--kit", materials.KIT, "--name", "g.a.1.0"]
        command += ["--pool", "glidein:a"]
        command += ["--python-version", VERSION, "--python", sys.executable, *options]
        return subprocess.Popen(
            command,
            cwd=self.scratch,
            env={"PATH": self.path, "PLAN": plan, **self.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *options: str, plan: str = "exit 0") -> tuple[int, str]:
        """Exit status and output."""
        process = self.start(*options, plan=plan)
        output, _ = process.communicate(timeout=30)
        return process.returncode, output

    def left(self) -> list[str]:
        """What the glidein left behind."""
        return [path.name for path in self.scratch.iterdir() if "pcm-glidein-" in path.name]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path)
    yield node
    assert node.left() == []


def test_it_has_the_syntax_and_the_imports_of_an_old_python() -> None:
    tree = ast.parse((HERE / materials.SCRIPT).read_text(), feature_version=(3, 6))
    modules = {
        name.name.partition(".")[0]
        for found in ast.walk(tree)
        if isinstance(found, ast.Import)
        for name in found.names
    } | {found.module for found in ast.walk(tree) if isinstance(found, ast.ImportFrom)}
    assert modules <= set(sys.stdlib_module_names)
    assert "__future__" not in modules


def test_the_launcher_gets_what_it_needs(node: Node) -> None:
    ad = node.scratch / ".job.ad"
    ad.write_text('Owner = "me"\nNumShadowStarts = 3\n')
    node.variables["_CONDOR_JOB_AD"] = str(ad)
    status, output = node.run("--grace", "7", "--cores", "2", "--ssl")
    assert status == DONE
    (line,) = [line for line in output.splitlines() if "connected to manager" in line]
    words = line.split()
    options = dict(zip(words, words[1:], strict=False))  # noqa: RUF007
    assert options["for"] == "127.0.0.1:9"
    assert (options["--id"], options["--grace"], options["--cores"]) == ("g.a.1.0.3", "7.0", "2")
    assert options["--password-file"] == str(node.scratch / "pcm-password")
    assert options["--scratch"].startswith(str(node.scratch / "pcm-glidein-"))
    assert "--ssl" in words


@pytest.mark.parametrize(
    ("plan", "status", "reason"),
    [
        ("exit 0", DONE, ""),
        ("exit 1", MACHINE_UNFIT, "the worker could not work: worker w has ended: as planned"),
        ("exit 2", BROKEN, "the worker was refused: worker w has ended: as planned"),
        ("die", MACHINE_UNFIT, "killed by signal 9"),
    ],
)
def test_how_the_launcher_ends_decides(node: Node, plan: str, status: int, reason: str) -> None:
    seen, output = node.run(plan=plan)
    assert seen == status
    assert reason in output


def test_sigterm_is_passed_on(node: Node) -> None:
    process = node.start(plan="work")
    assert process.stdout is not None
    while "ready" not in process.stdout.readline():
        pass
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == AGAIN
    assert "leaving" in output


def test_a_launcher_that_does_not_leave_is_made_to(node: Node) -> None:
    process = node.start("--grace", "0", plan="stay")
    assert process.stdout is not None
    while "ready" not in process.stdout.readline():
        pass
    started = time.monotonic()
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == AGAIN
    assert time.monotonic() - started < 25


def test_it_leaves_before_its_walltime(node: Node) -> None:
    status, output = node.run("--walltime", "12", "--grace", "1", plan="work")
    assert status == AGAIN
    assert "the walltime is almost over" in output


def test_a_launcher_ends_with_a_glidein_that_is_killed(node: Node) -> None:
    """Which our launcher does by itself: it is told whose child it is."""
    process = node.start(plan="work")
    assert process.stdout is not None
    while "ready" not in (line := process.stdout.readline()):
        if "--parent-pid" in line:
            words = line.split()
    assert words[words.index("--parent-pid") + 1] == str(process.pid)
    process.terminate()
    process.communicate(timeout=30)


# -- what is not as it should be -----------------------------------------------------------------


def test_a_python_of_another_version(node: Node) -> None:
    status, output = node.run("--python-version", "3.6")
    assert status == MACHINE_UNFIT
    assert f"is Python {VERSION}, the manager's is 3.6" in output
    status, output = node.run("--python-version", "3.6", "--packed")
    assert status == BROKEN
    assert "in what the job brings along" in output


def test_a_python_without_what_the_worker_needs(node: Node) -> None:
    node.program(
        "bare",
        f"[ \"$1\" = -c ] && echo '{json.dumps({'python': VERSION, 'missing': ['msgspec']})}'",
    )
    status, output = node.run("--python", str(node.bin / "bare"))
    assert status == MACHINE_UNFIT
    assert "bare has no msgspec" in output


def test_no_such_python_and_no_vine_worker(node: Node) -> None:
    status, output = node.run("--python", "/nowhere/python")
    assert (status, "no Python /nowhere/python" in output) == (MACHINE_UNFIT, True)
    (node.bin / "vine_worker").unlink()
    (node.bin / "dirname").symlink_to("/usr/bin/dirname")
    node.path = str(node.bin)  # It may be installed here.
    status, output = node.run()
    assert (status, "no vine_worker" in output) == (MACHINE_UNFIT, True)


def test_a_node_without_any_python(node: Node) -> None:
    stub = node.scratch / materials.STUB
    text = stub.read_text().replace("/usr/bin/python3 /usr/libexec/platform-python", "")
    stub.write_text(text)
    (node.bin / "dirname").symlink_to("/usr/bin/dirname")
    (node.bin / "uname").symlink_to("/usr/bin/uname")
    (node.bin / "python3").unlink()
    answer = subprocess.run(
        ["/bin/sh", str(stub)],
        env={"PATH": str(node.bin)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == MACHINE_UNFIT
    assert "no Python 3.6 or newer on" in answer.stdout


def test_a_scratch_directory_that_is_not_there(node: Node) -> None:
    status, output = node.run("--scratch", "/nowhere")
    assert (status, "no scratch directory" in output) == (MACHINE_UNFIT, True)


def test_an_environment_that_is_sent(node: Node, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    (environment / "bin").mkdir(parents=True)
    python = environment / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    unpacked = environment / "bin" / "conda-unpack"
    unpacked.write_text("import pathlib; print(pathlib.Path('fixed').write_text('yes'))")
    with tarfile.open(node.scratch / "env.tar.gz", "w:gz") as archive:
        archive.add(environment, arcname=".")
    status, output = node.run("--python", "", "--archive", "env.tar.gz", "--packed")
    assert status == DONE, output
    assert (node.scratch / "fixed").exists()
    status, output = node.run("--python", "bin/other", "--archive", "env.tar.gz")
    assert (status, "holds no" in output) == (BROKEN, True)
    (node.scratch / "env.tar.gz").write_text("no archive")
    status, output = node.run("--archive", "env.tar.gz")
    assert (status, "cannot be unpacked" in output) == (BROKEN, True)


def test_a_manager_that_nobody_can_reach_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(glidein.Trouble, match="cannot be reached") as raised:
        glidein.check_manager("head.example.org:9123")
    assert raised.value.status == MACHINE_UNFIT


def test_a_port_where_nobody_listens_may_get_its_manager_back() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        glidein.check_manager(f"127.0.0.1:{sock.getsockname()[1]}")


# -- GPUs ----------------------------------------------------------------------------------------

LISTING = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5a1b6c2d-aaaa-bbbb-cccc-0123456789ab)
  MIG 1g.5gb      Device  0: (UUID: MIG-11111111-aaaa-bbbb-cccc-0123456789ab)
  MIG 1g.5gb      Device  1: (UUID: MIG-22222222-aaaa-bbbb-cccc-0123456789ab)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-7e8f9a0b-aaaa-bbbb-cccc-0123456789ab)
"""


@pytest.mark.parametrize(
    ("given", "wanted", "reason"),
    [
        ("GPU-5a1b6c2d", 1, ""),
        ("GPU-7e8f9a0b-aaaa-bbbb-cccc-0123456789ab,GPU-5a1b6c2d", 2, ""),
        ("MIG-22222222-aaaa-bbbb-cccc-0123456789ab", 1, ""),
        ("1", 1, ""),
        ("2", 1, "GPU 2 was given; here are"),
        ("GPU-5a1b6c2e", 1, "GPU GPU-5a1b6c2e was given; here are"),
        ("", 1, "1 GPUs were asked for, CUDA_VISIBLE_DEVICES is ''"),
        ("GPU-5a1b6c2d", 2, "2 GPUs were asked for"),
    ],
)
def test_the_gpus_that_were_given_are_looked_for(
    node: Node, given: str, wanted: int, reason: str
) -> None:
    (node.scratch / "listing").write_text(LISTING)
    node.program("nvidia-smi", f"cat {node.scratch}/listing")
    node.variables["CUDA_VISIBLE_DEVICES"] = given
    status, output = node.run("--gpus", str(wanted))
    assert status == (MACHINE_UNFIT if reason else DONE)
    assert reason in output


def test_a_driver_that_fails(node: Node) -> None:
    node.program("nvidia-smi", "echo Unable to determine the device handle; exit 15")
    node.variables["CUDA_VISIBLE_DEVICES"] = "GPU-5a1b6c2d"
    status, output = node.run("--gpus", "1")
    assert status == MACHINE_UNFIT
    assert "nvidia-smi failed: Unable to determine the device handle" in output
    assert node.run("--gpus", "1", "--trust-gpus")[0] == DONE


# -- chirp ---------------------------------------------------------------------------------------


def test_the_reason_is_set_on_the_job(node: Node) -> None:
    heard: list[str] = []

    def serve(listener: socket.socket) -> None:
        link, _ = listener.accept()
        with link, link.makefile("rwb") as stream:
            for line in stream:
                heard.append(line.decode().rstrip("\n"))
                stream.write(b"0\n")
                stream.flush()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        config = node.scratch / ".chirp.config"
        config.write_text(f"127.0.0.1 {listener.getsockname()[1]} cookie-1\n")
        node.variables["_CONDOR_CHIRP_CONFIG"] = str(config)
        status, _ = node.run("--scratch", "/nowhere")
        server.join(10)
    assert status == MACHINE_UNFIT
    assert heard[0] == "cookie cookie-1"
    order, name, value = heard[1].split(" ", 2)
    assert (order, name) == ("set_job_attr_delayed", "ChirpPcmTrouble")
    assert value.startswith('"no\\ scratch\\ directory:')


def test_signals_before_there_is_a_worker(node: Node) -> None:
    node.program("slow", f"echo $$ >{node.scratch}/pid; exec sleep 60")
    process = node.start("--python", str(node.bin / "slow"))
    deadline = time.monotonic() + 20
    while not (node.scratch / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, platform.node() in output) == (AGAIN, True)
