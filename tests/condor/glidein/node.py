"""A directory as HTCondor gives a job, and a PATH with what the node has."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import condor
from condor import materials

VERSION = "{}.{}".format(*sys.version_info[:2])
LAUNCHER = """
import os, signal, sys, time
arguments = sys.argv[1:]
plan = os.environ.get("PLAN", "exit 0").split()
if plan[0] != "unconnected":
    print("pcm worker: connected to manager for", *arguments, flush=True)
if plan[0] in ("exit", "unconnected"):
    for name in ("PCM_ACCELERATORS", "CUDA_VISIBLE_DEVICES", "PCM_LEAVES_AT", "PCM_ZONE"):
        print(name, os.environ.get(name), flush=True)
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
"""Instead of ours, and told how to end."""


class Node:
    def __init__(self, path: Path) -> None:
        self.scratch, self.bin = path / "scratch", path / "bin"
        for folder in (self.scratch, self.bin):
            folder.mkdir()
        with zipfile.ZipFile(self.scratch / materials.KIT, "w") as kit:
            kit.writestr("workers/__init__.py", "")
            kit.writestr("workers/launch/__init__.py", "")
            kit.writestr("workers/launch/__main__.py", LAUNCHER)
        (self.scratch / "pcm-password").write_text("secret")
        self.stub = self.scratch / materials.STUB
        self.stub.write_bytes((Path(condor.__file__).parent / materials.STUB).read_bytes())
        self.stub.chmod(0o755)
        (self.scratch / materials.PROGRAM).write_bytes(materials.program())
        self.program("vine_worker", "exit 1")
        (self.bin / "python3").symlink_to(sys.executable)
        self.path = f"{self.bin}:/usr/bin:/bin"
        self.variables = {"_CONDOR_SCRATCH_DIR": str(self.scratch)}

    def program(self, name: str, script: str) -> None:
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def link(self, *names: str) -> None:
        """So that PATH can be ``bin`` alone, whatever is installed here."""
        for name in names:
            (self.bin / name).symlink_to(f"/usr/bin/{name}")
        self.path = str(self.bin)

    def start(self, *options: str, plan: str = "exit 0") -> subprocess.Popen[str]:
        command = [str(self.stub), "--manager", "127.0.0.1:9"]
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
