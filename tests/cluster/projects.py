"""Projects whose runs have workers of a pool, and go on beside the test."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.cli.conftest import TASK, Project
from tests.cluster import rootfs

CLASS = f"""\
    memory: 200 MB
    disk: 100 MB
    grace: 5 s
    check_gpus: false
    python: {rootfs.VENV}/bin/python
"""
"""The fields that a class of glideins has in a run file for a pool on this machine."""


class ClusterProject(Project):
    """A project; what it started ends with ``close``."""

    def __init__(self, folder: Path) -> None:
        self._started: list[subprocess.Popen[str]] = []
        super().__init__(folder)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = super().start(*arguments)
        self._started.append(process)
        return process

    def hold_back(self) -> Path:
        """Have the context load only when there is the file whose path this gives."""
        gate = self.folder / "gate"
        waits = f"    while not pathlib.Path({str(gate)!r}).exists():\n        time.sleep(0.05)\n"
        task = TASK.replace("    return value\n", f"{waits}    return value\n")
        (self.folder / "task.py").write_text(f"import pathlib\n{task}")
        return gate

    def finished(self, run: str = "out") -> int:
        """How many items of a run have an outcome; 0 if it has not begun."""
        if not (self.folder / run / "run.json").exists():
            return 0
        end = self.pcm("status", run, "--json")
        return int(end.answer["finished"]) if end.code == 0 else 0

    def close(self) -> None:
        for process in self._started:
            with process:
                process.kill()
