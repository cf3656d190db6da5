"""The dashboard as a process that is measured."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import psutil

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 300.0


class Served:
    """``python -m pcm.dashboard`` over some directories, until it is closed."""

    def __init__(self, directories: list[Path], token_file: Path) -> None:
        command = [sys.executable, "-m", "pcm.dashboard", *map(str, directories)]
        self._process = subprocess.Popen(
            [*command, "--token-file", str(token_file)], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        self.url = ""
        for line in self._process.stderr:
            if line.startswith("dashboard: "):
                self.url = line.split()[1]
                break
        else:
            raise RuntimeError("the dashboard has not started")
        self.port = int(self.url.split(":")[2].partition("/")[0])
        self.token = token_file.read_text().strip()
        self._watched = psutil.Process(self._process.pid)

    def ask(self, path: str) -> Any:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        line.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
        answer = line.getresponse()
        body = answer.read()
        line.close()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return json.loads(body)

    def raw(self, path: str) -> bytes:
        """As it goes over the line."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.token}", "Accept-Encoding": "gzip"}
        line.request("GET", path, headers=headers)
        body = line.getresponse().read()
        line.close()
        return body

    def await_seq(self, run: str, seq: int) -> None:
        """Until it has read so far."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.ask(f"/api/runs/{run}/overview")["seq"] < seq:
            if time.monotonic() > deadline:
                raise RuntimeError(f"it has not read {seq} entries of {run}")
            time.sleep(0.1)

    def cpu_seconds(self) -> float:
        times = self._watched.cpu_times()
        return float(times.user + times.system)

    def memory_bytes(self) -> int:
        return int(self._watched.memory_info().rss)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        assert self._process.stderr is not None
        self._process.stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
