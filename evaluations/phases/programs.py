"""The programs that take part, each in a process of its own on its host."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evaluations.observer.hosts import ADDRESSES, INTERFACE, PATIENCE_SECONDS, Host, Hosts
from evaluations.phases.judging import Span
from evaluations.phases.lengths import Question
from evaluations.phases.plan import Condition

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SERVER = ADDRESSES[1]
PORT, BULK_PORT = 8000, 8001
LOAD_SECONDS = 60.0
ANSWERS_SECONDS = 300.0
WINDOW_SECONDS = 0.5
WORKER = "w1"


class Process:
    """Says on a line of its output that it is ready, and has lines of JSON otherwise."""

    def __init__(self, host: Host, *words: str) -> None:
        self._process = subprocess.Popen(
            host.command(sys.executable, "-m", *words),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._words = " ".join(words)
        self._lines: list[Any] = []
        self._changed = threading.Condition()
        self._is_over = False
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._lines.append(json.loads(line))
                self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def lines(self, enough: int, patience_seconds: float = PATIENCE_SECONDS) -> list[Any]:
        """All of its lines so far, once there are as many. Raises RuntimeError."""
        with self._changed:
            self._changed.wait_for(
                lambda: len(self._lines) >= enough or self._is_over, patience_seconds
            )
            if len(self._lines) < enough:
                raise RuntimeError(f"{self._words} has said too little")
            return list(self._lines)

    def say(self, words: object) -> None:
        assert self._process.stdin is not None
        print(json.dumps(words), file=self._process.stdin, flush=True)

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join()
        with self._process:
            pass


@contextmanager
def running(host: Host, *words: str, ready_seconds: float = PATIENCE_SECONDS) -> Iterator[Process]:
    """From its first line on."""
    process = Process(host, *words)
    try:
        process.lines(1, ready_seconds)
        yield process
    finally:
        process.close()


class Server:
    def __init__(self, process: Process) -> None:
        self._process = process
        self._count = 1

    def how(self, condition: Condition) -> list[Any]:
        """It answers so from now on. Gives the requests since this was said before."""
        self._process.say(
            {"header": condition.header, "tokens_per_message": condition.tokens_per_message}
        )
        self._count += 1
        found: list[Any] = self._process.lines(self._count)[self._count - 1]
        return found


@contextmanager
def server(host: Host, model: Path, most_tokens: int) -> Iterator[Server]:
    words = ("evaluations.phases.server", str(model), SERVER, str(PORT), str(most_tokens))
    with running(host, *words, ready_seconds=LOAD_SECONDS) as process:
        yield Server(process)


def asked(host: Host, connections: Sequence[Sequence[Question]]) -> None:
    """Until the last answer is there."""
    subprocess.run(
        host.command(sys.executable, str(HERE / "client.py"), SERVER, str(PORT)),
        input=json.dumps(connections),
        text=True,
        check=True,
        timeout=ANSWERS_SECONDS,
    )


class Observer:
    def __init__(self, process: Process) -> None:
        self._process = process

    def told(self, now: float) -> tuple[list[Span], dict[str, int]]:
        """Once the window with that time is over: requests, and packets seen and dropped."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        lines = self._process.lines(1)
        while not any(
            line["kind"] == "observer" and line["end_seconds"] > now + WINDOW_SECONDS
            for line in lines
        ):
            if time.monotonic() > deadline:
                raise RuntimeError("the observer is silent")
            lines = self._process.lines(len(lines) + 1)
        spans = [
            Span(_client(line["flow"]), line["arrived"], line["first_token"], line["last_token"])
            for line in lines
            if line["kind"] == "request"
        ]
        windows = [line for line in lines if line["kind"] == "observer"]
        counted = {name: sum(one[name] for one in windows) for name in ("packets", "dropped")}
        return spans, counted


def _client(flow: Sequence[str]) -> str:
    return next(end for end in flow if end.startswith(f"{ADDRESSES[0]}:"))


@contextmanager
def observer(hosts: Hosts) -> Iterator[Observer]:
    """At the client's end of the cable."""
    options = ("--worker", f"{WORKER}={SERVER}", "--window", str(WINDOW_SECONDS))
    words = ("workers.telemetry.observer", "--interface", INTERFACE, *options)
    with running(hosts.one, *words) as process:
        yield Observer(process)


@contextmanager
def bulk(hosts: Hosts, bits_per_second: int, queue_seconds: float) -> Iterator[None]:
    """A cable that carries so much, and is full both ways."""
    burst = max(1 << 16, bits_per_second // 8 // 250)
    queue = burst + int(bits_per_second / 8 * queue_seconds)
    for host in (hosts.one, hosts.other):
        host.run(
            f"tc qdisc add dev {INTERFACE} root tbf"
            f" rate {bits_per_second}bit burst {burst} limit {queue}"
        )
    try:
        ends = ("evaluations.phases.bulk", "serve"), ("evaluations.phases.bulk", "ask")
        there = (SERVER, str(BULK_PORT))
        with running(hosts.other, *ends[0], *there), running(hosts.one, *ends[1], *there):
            yield
    finally:
        for host in (hosts.one, hosts.other):
            host.run(f"tc qdisc del dev {INTERFACE} root")
