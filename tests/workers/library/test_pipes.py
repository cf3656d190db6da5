"""The pipes of a library, with this process in the place of vine_worker."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from workers.host.loop import Loop
from workers.library.pipes import Call, Pipes, parse


class Worker:
    """Our end of both pipes."""

    def __init__(self) -> None:
        calls, self.calls = os.pipe()
        self.ends, ends = os.pipe()
        self.loop = Loop()
        self.taken: list[Call] = []
        self.closed = False
        self.pipes = Pipes(self.loop, calls, ends, os.getpid(), self.taken.append, self._on_end)
        self._theirs = [calls, ends]

    def _on_end(self) -> None:
        self.closed = True

    def send(self, text: str) -> None:
        os.write(self.calls, text.encode())

    def read(self) -> str:
        return os.read(self.ends, 1 << 16).decode()

    def close(self) -> None:
        self.loop.close()
        for descriptor in [*self._theirs, self.calls, self.ends]:
            if descriptor >= 0:
                os.close(descriptor)


@pytest.fixture
def signals() -> Iterator[list[int]]:
    """Signals that wake the worker."""
    seen: list[int] = []
    previous = signal.signal(signal.SIGCHLD, lambda number, _: seen.append(number))
    yield seen
    signal.signal(signal.SIGCHLD, previous)


@pytest.fixture
def worker(signals: list[int]) -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


def message(number: int, command: str, folder: str = "/w/t.1") -> str:
    text = f"{number} {command} {folder} {folder}/.taskvine.stdout"
    return f"{len(text)}\n{text}"


def test_calls_arrive_in_pieces_and_together(worker: Worker) -> None:
    both = message(7, "events") + message(8, "call:abcd")
    worker.send(both[:9])
    worker.loop.turn(5.0)
    assert worker.taken == []
    worker.send(both[9:])
    worker.loop.turn(5.0)
    assert [(call.number, call.command) for call in worker.taken] == [
        (7, "events"),
        (8, "call:abcd"),
    ]
    assert worker.taken[0].output == "/w/t.1/.taskvine.stdout"


def test_folders_may_hold_blanks() -> None:
    call = parse("1 events /a b/t.1 /a b/t.1/.taskvine.stdout")
    assert (call.sandbox, call.output) == ("/a b/t.1", "/a b/t.1/.taskvine.stdout")


def test_ready_and_ends_are_told_with_one_signal_each_turn(
    worker: Worker, signals: list[int]
) -> None:
    worker.pipes.ready("pcm", 5)
    worker.pipes.flush()
    assert worker.read() == '49\n{"name": "pcm", "taskid": 5, "exec_mode": "fork"}'
    assert len(signals) == 1
    for number in (7, 8):
        worker.pipes.end(Call(number, "", "", ""))
    worker.pipes.flush()
    assert worker.read() == "3\n7 03\n8 0"
    assert len(signals) == 2


def test_the_signal_is_repeated_until_the_worker_has_read(
    worker: Worker, signals: list[int]
) -> None:
    worker.pipes.end(Call(1, "", "", ""))
    worker.pipes.flush()
    while len(signals) < 3:
        worker.loop.turn(5.0)
    worker.read()
    worker.loop.turn(5.0)  # The timer that finds the pipe empty.
    count = len(signals)
    worker.loop.turn(0.3)
    assert len(signals) == count


def test_the_end_of_the_worker_is_seen(worker: Worker) -> None:
    os.close(worker.calls)
    worker.calls = -1
    worker.loop.turn(5.0)
    assert worker.closed
