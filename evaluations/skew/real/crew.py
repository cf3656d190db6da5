"""Workers from outside on this machine, each with a recording that it replays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Self

from evaluations.peers.kills import kill_worker
from evaluations.skew.real.plan import KIND
from pcm.engines.invitation import Invitation

ROOT = Path(__file__).parents[3]
MEMORY_BYTES = 24 << 30
END_SECONDS = 10.0
"""How long they may take to end once their manager is gone."""


class Crew:
    """All that were started; none is left when it is left."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._workers: list[subprocess.Popen[bytes]] = []

    def start(self, invitation: Invitation, name: str, recording: Path) -> None:
        gpu = {"index": 0, "uuid": f"GPU-{name}", "name": KIND, "memory_bytes": MEMORY_BYTES}
        command = [sys.executable, "-P", "-m", "pcm.cli", "worker", f"127.0.0.1:{invitation.port}"]
        command += ["--password-file", invitation.password_file, "--id", name, "--once"]
        command += ["--cores", "1", "--scratch", str(self._directory)]
        command += ["--cache", str(self._directory / "cache")]
        environment = {
            "PYTHONPATH": str(ROOT),
            "PCM_ACCELERATORS": json.dumps([gpu]),
            "PCM_TELEMETRY_REPLAY": str(recording),
        }
        self._workers.append(
            subprocess.Popen(
                command,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        for worker in self._workers:
            try:
                worker.wait(END_SECONDS if error is None else 0.0)
            except subprocess.TimeoutExpired:
                kill_worker(worker.pid, below=[os.getpid()])
                worker.wait()
