"""Workers from outside, as a batch system starts them on GPUs that it says are of some kind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Self

from evaluations.peers.kills import kill_worker
from pcm.engines.invitation import Invitation

ROOT = Path(__file__).parents[2]
MEMORY_BYTES = 24 << 30
END_SECONDS = 10.0
"""How long they may take to end once their manager is gone."""


class Guests:
    """All that were started; none is left when it is left."""

    def __init__(self, directory: Path, *, grace_seconds: float) -> None:
        """They keep everything in ``directory``, which they do not always clear."""
        self._directory, self._grace_seconds = directory, grace_seconds
        self._launchers: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, invitation: Invitation, name: str, kind: str) -> None:
        """A worker of that name, on a GPU of that kind."""
        gpu = {"index": 0, "uuid": f"GPU-{name}", "name": kind, "memory_bytes": MEMORY_BYTES}
        command = [sys.executable, "-P", "-m", "workers.launch", f"127.0.0.1:{invitation.port}"]
        command += ["--password-file", invitation.password_file, "--id", name, "--once"]
        command += ["--cores", "1", "--grace", str(self._grace_seconds)]
        command += ["--scratch", str(self._directory), "--cache", str(self._directory / "cache")]
        self._launchers[name] = subprocess.Popen(
            command,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PCM_ACCELERATORS": json.dumps([gpu])},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def tell(self, name: str) -> None:
        """Its owner wants the GPU back, and says so."""
        self._launchers[name].terminate()

    def kill(self, name: str) -> None:
        """All of its processes at once, from the top, so that none cleans up after another."""
        launcher = self._launchers[name]
        kill_worker(launcher.pid, below=[os.getpid()])
        launcher.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        for name, launcher in self._launchers.items():
            try:
                launcher.wait(END_SECONDS if error is None else 0.0)
            except subprocess.TimeoutExpired:
                self.kill(name)
