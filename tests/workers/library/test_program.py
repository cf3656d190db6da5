"""The library from its kit, as a process, with this process in the place of vine_worker."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pcm.engines.taskvine.kit import NAME, kit
from workers import carriage
from workers.protocol import Goodbye, Hello, Leave, Order, Report

DEADLINE_SECONDS = 20


class VineWorker:
    """Starts the library as vine_worker does, and speaks with it."""

    def __init__(self, folder: Path, content: bytes, **environment: str) -> None:
        (folder / NAME).write_bytes(content)
        self._folder, self._tasks = folder, 100
        calls, self._calls = os.pipe()
        ends, theirs = os.pipe()
        self._ends = os.fdopen(ends, "rb", buffering=0)
        command = [sys.executable, NAME, "--in-pipe-fd", str(calls), "--out-pipe-fd", str(theirs)]
        command += ["--task-id", "9", "--worker-pid", str(os.getpid())]
        given = {carriage.VERSION_VARIABLE: str(carriage.CARRIAGE_VERSION), "PCM_WORKER": "w"}
        self.library = subprocess.Popen(
            [*command, "--library-cores", "1", "--function-slots", "64"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], **given, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[calls, theirs],
            text=True,
        )
        os.close(calls)
        os.close(theirs)

    def read(self) -> str:
        length = b""
        while not length.endswith(b"\n"):
            byte = self._ends.read(1)
            if not byte:
                raise EOFError(self.library.communicate()[0])
            length += byte
        return self._ends.read(int(length)).decode()

    def call(self, command: str, **files: bytes) -> Path:
        """The file of its answer; ``files`` are in its sandbox."""
        self._tasks += 1
        sandbox = self._folder / f"t.{self._tasks}"
        sandbox.mkdir()
        for name, content in files.items():
            (sandbox / name).write_bytes(content)
        output = sandbox / ".taskvine.stdout"
        text = f"{self._tasks} {command} {sandbox} {output}"
        os.write(self._calls, f"{len(text)}\n{text}".encode())
        return output

    def orders(self, number: int, *orders: Order) -> Path:
        frame = carriage.call_frame(carriage.Call(number, list(orders), True))
        return self.call(carriage.command(frame))

    def hang_up(self) -> None:
        if self._calls >= 0:
            os.close(self._calls)
            self._calls = -1

    def close(self) -> None:
        self.hang_up()
        self._ends.close()
        self.library.kill()
        self.library.communicate()


@pytest.fixture(autouse=True)
def deaf() -> Iterator[None]:
    """To the signals by which a library wakes its worker."""
    previous = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    yield
    signal.signal(signal.SIGCHLD, previous)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[VineWorker]:
    worker = VineWorker(tmp_path, kit())
    yield worker
    worker.close()


def reports(output: Path) -> list[Report]:
    return carriage.open_answer(output.read_bytes())[1]


def test_it_says_hello_and_leaves_when_told(worker: VineWorker) -> None:
    assert json.loads(worker.read()) == {"name": "pcm", "taskid": 9, "exec_mode": "fork"}
    first = worker.call(carriage.EVENTS)
    assert worker.read() == "101 0"
    (hello,) = reports(first)
    assert isinstance(hello, Hello)
    assert hello.worker == "w"
    assert os.getpgid(worker.library.pid) == worker.library.pid
    events, leave = worker.call(carriage.EVENTS), worker.orders(0, Leave())
    ended = {worker.read()}
    said = reports(leave) if ended == {"103 0"} else reports(events)
    assert said == [Goodbye("retired")]
    worker.call(carriage.EVENTS)  # It shows that the goodbye was heard.
    assert worker.library.wait(DEADLINE_SECONDS) == 0


def test_it_ends_when_its_worker_hangs_up(worker: VineWorker) -> None:
    worker.read()
    worker.hang_up()
    assert worker.library.wait(DEADLINE_SECONDS) == 0


def test_it_ends_at_what_is_no_call(worker: VineWorker) -> None:
    worker.read()
    worker.call("something")
    output, _ = worker.library.communicate(timeout=DEADLINE_SECONDS)
    assert "not a call for this library" in output


@pytest.mark.parametrize(
    ("requirement", "value", "words"),
    [("python", "2.7", "the manager runs Python 2.7"), ("launcher", "99", "of version 99")],
)
def test_it_refuses_another_version_and_tells_the_launcher(
    tmp_path: Path, requirement: str, value: str, words: str
) -> None:
    address = str(tmp_path / "l")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        changed = with_requirement(kit(), requirement, value)
        worker = VineWorker(tmp_path, changed, PCM_LAUNCHER=address)
        try:
            listener.settimeout(DEADLINE_SECONDS)
            link, _ = listener.accept()
            with link, link.makefile() as lines:
                assert words in json.loads(lines.readline())["refused"]
            assert worker.library.wait(DEADLINE_SECONDS) == 2
        finally:
            worker.close()


def with_requirement(content: bytes, name: str, value: str) -> bytes:
    import io

    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w") as new:
        for entry in old.namelist():
            data = old.read(entry)
            if entry == "requirements.json":
                data = json.dumps(json.loads(data) | {name: value}).encode()
            new.writestr(entry, data)
    return changed.getvalue()
