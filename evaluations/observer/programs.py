"""The programs that are measured, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evaluations.observer.hosts import ADDRESSES, INTERFACE, PATIENCE_SECONDS, Host, Hosts

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PORT = 7000
WINDOW_SECONDS = 0.5


class Observer:
    """What it says of itself, until it ends."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: list[dict[str, Any]] = []
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = json.loads(line)
            if found["kind"] == "ready":
                self._ready.set()
            elif found["kind"] == "observer":
                self._lines.append(found)
        self._ready.set()

    def wait(self) -> None:
        """Until it watches."""
        if not self._ready.wait(PATIENCE_SECONDS) or self._process.poll() is not None:
            raise RuntimeError("the observer did not start")

    def windows(self, begin: float, end: float) -> list[dict[str, Any]]:
        """Those that lie between, in seconds since 1970; once the last of them is over."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not any(line["end_seconds"] > end for line in self._lines):
            if time.monotonic() > deadline:
                raise RuntimeError("the observer is silent")
            time.sleep(0.05)
        return [
            line
            for line in self._lines
            if line["end_seconds"] - line["seconds"] >= begin and line["end_seconds"] <= end
        ]

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def observer(host: Host, flows: int = 4096) -> Iterator[Observer]:
    """Watching, on that host's interface."""
    named = [f"--worker=w{number}={address}" for number, address in enumerate(ADDRESSES, 1)]
    options = ["--interface", INTERFACE, "--window", str(WINDOW_SECONDS), "--flows", str(flows)]
    process = subprocess.Popen(
        host.command(sys.executable, "-m", "workers.telemetry.observer", *options, *named),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    started = Observer(process)
    try:
        started.wait()
        yield started
    finally:
        started.close()


def traffic(host: Host, rate: int, flows: int, seconds: float) -> dict[str, float]:
    """Packets and seconds, of what was sent at that rate."""
    numbers = (str(rate), str(flows), str(seconds))
    done = subprocess.run(
        host.command(sys.executable, str(HERE / "traffic.py"), INTERFACE, *ADDRESSES, *numbers),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=seconds + PATIENCE_SECONDS,
    )
    sent: dict[str, float] = json.loads(done.stdout)
    return sent


class Application:
    """Context manager: asks from one host, answers from the other after some time of work."""

    def __init__(self, hosts: Hosts, work_seconds: float) -> None:
        self._hosts = hosts
        self._work_seconds = work_seconds

    def __enter__(self) -> Application:
        work = str(self._work_seconds)
        self._server = self._start(self._hosts.other, subprocess.DEVNULL, "serve", work)
        assert self._server.stdout is not None
        try:
            if not self._server.stdout.readline():
                raise RuntimeError("the application did not start")
            self._client = self._start(self._hosts.one, subprocess.PIPE, "ask")
        except BaseException:
            self._end(self._server)
            raise
        return self

    def _start(self, host: Host, given: int, what: str, *more: str) -> subprocess.Popen[str]:
        command = (sys.executable, str(HERE / "echo.py"), what, ADDRESSES[1], str(PORT), *more)
        return subprocess.Popen(
            host.command(*command), stdin=given, stdout=subprocess.PIPE, text=True
        )

    def ask(self, count: int) -> list[float]:
        """Seconds of so many round trips."""
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        print(count, file=self._client.stdin, flush=True)
        seconds: list[float] = json.loads(self._client.stdout.readline())
        return seconds

    def _end(self, process: subprocess.Popen[str]) -> None:
        with process:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()

    def __exit__(self, *_: object) -> None:
        self._end(self._client)
        self._end(self._server)


def samplers_share(seconds: float, place: Path) -> float:
    """Of a core: a process with nothing but the samplers and a manager that is not there. What its
    start takes is not counted."""
    password = place / "password"
    password.write_text("of nobody" * 4)
    password.chmod(0o600)
    command = [sys.executable, "-m", "workers.telemetry", "--to", "127.0.0.1:9"]
    command += ["--password-file", str(password), "--worker", "w1"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        # Its first reading opens what the samplers read: that is part of its start.
        time.sleep(STARTED_SECONDS)
        begun, before = time.monotonic(), _core_seconds(process.pid)
        time.sleep(seconds)
        share = (_core_seconds(process.pid) - before) / (time.monotonic() - begun)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
    return share


STARTED_SECONDS = 2.5


def _core_seconds(process: int) -> float:
    """Of all its threads."""
    total = 0
    for task in Path(f"/proc/{process}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9
