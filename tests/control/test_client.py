"""Asking a manager, in whose place is a bare server with a bare run."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pcm.control import messages, note
from pcm.control.client import NoAnswerError, act
from pcm.control.messages import Answer, AnyRequest
from pcm.errors import InputError
from pcm.journal import CARGO_FILE, Journal
from pcm.manager.control import ControlServer
from tests.journal.runs import manifest


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    """A run on which this process works."""
    directory = tmp_path / "a run"
    with Journal.create(directory, manifest()):
        (directory / CARGO_FILE).touch()
        yield directory


@pytest.fixture
def asked(run: Path) -> Iterator[list[tuple[AnyRequest, str]]]:
    """What a manager of this run was asked for, and by whom."""
    heard: list[tuple[AnyRequest, str]] = []

    def handle(request: AnyRequest, by: str) -> Answer:
        heard.append((request, by))
        return Answer(len(heard) == 1, f"this is answer {len(heard)}")

    server = ControlServer(handle)
    server.start()
    server.announce(run, "run-1.1")
    yield heard
    server.close()


def test_the_manager_is_asked_and_its_answer_given(
    run: Path, asked: list[tuple[AnyRequest, str]]
) -> None:
    assert act(run, "pause", by="dashboard") == Answer(True, "this is answer 1")
    assert act(str(run), "drain", "w1") == Answer(False, "this is answer 2")
    assert asked == [
        (messages.request("pause", "run-1.1", by="dashboard"), f"dashboard (uid {os.getuid()})"),
        (messages.request("drain", "run-1.1", "w1"), f"cli (uid {os.getuid()})"),
    ]


def test_a_bad_request_is_not_sent(run: Path, asked: list[tuple[AnyRequest, str]]) -> None:
    with pytest.raises(InputError, match="drain is of one worker"):
        act(run, "drain")
    assert asked == []


def test_without_a_manager_the_way_is_shown(tmp_path: Path, run: Path) -> None:
    with pytest.raises(InputError, match="holds no run"):
        act(tmp_path, "pause")
    with pytest.raises(InputError, match=r"no manager .* pcm resume '.*a run'$"):
        act(run, "pause")
    with pytest.raises(InputError, match=r"pcm resume '.*a run' --retry-failed$"):
        act(run, "retry_failed")
    with pytest.raises(InputError, match="a pause ends with its manager"):
        act(run, "unpause")


def test_what_a_killed_manager_left_is_known_for_it(run: Path, tmp_path: Path) -> None:
    note.post(run, tmp_path / "gone", "run-1.1", 5.0)
    with pytest.raises(InputError, match="no manager takes requests"):
        act(run, "pause")  # it has the lock, and no socket
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "deaf"))
    note.post(run, tmp_path / "deaf", "run-1.1", 5.0)
    with pytest.raises(InputError, match="no manager takes requests"):
        act(run, "pause")
    written = note.read(run)
    assert written is not None
    other = msgspec.structs.replace(written, pid=1)
    (run / "control").write_bytes(msgspec.json.encode(other))
    with pytest.raises(InputError, match="no manager takes requests"):
        act(run, "pause")
    other = msgspec.structs.replace(written, host="elsewhere")
    (run / "control").write_bytes(msgspec.json.encode(other))
    with pytest.raises(InputError, match="its manager is on host elsewhere"):
        act(run, "pause")


def test_a_manager_that_does_not_answer_is_not_waited_for_long(run: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "silent"))
        silent.listen()
        note.post(run, tmp_path / "silent", "run-1.1", 5.0)
        with pytest.raises(NoAnswerError, match=r"has not answered within 0\.05 s"):
            act(run, "pause", timeout_seconds=0.05)


@pytest.mark.parametrize("said", [b"", b"{}\n", b"{" * 200_000, b"no json\n"])
def test_what_is_no_answer_is_said(run: Path, tmp_path: Path, said: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "odd"))
        listener.listen()
        note.post(run, tmp_path / "odd", "run-1.1", 5.0)

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                with contextlib.suppress(OSError):
                    connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(NoAnswerError, match="has not answered: "):
            act(run, "pause")
        thread.join()
