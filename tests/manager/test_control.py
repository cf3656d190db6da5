"""The socket on which a manager takes requests, whoever connects and whatever is sent."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pcm.control import messages, note
from pcm.control.messages import LINE_BYTES, Answer, AnyRequest
from pcm.manager import control
from pcm.manager.control import ControlServer


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    folder = tmp_path / "t"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """The socket of a server that does what it is asked for, but for `cancel`."""

    def handle(request: AnyRequest, by: str) -> Answer:
        if isinstance(request, messages.Cancel):
            raise RuntimeError("the manager has stopped")
        return Answer(True, by)

    server = ControlServer(handle)
    server.start()
    server.announce(tmp_path, "run-1.1")
    found = note.read(tmp_path)
    assert found is not None
    yield Path(found.socket)
    server.close()
    server.close()


def say(path: Path, text: bytes) -> Answer:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10.0)
        connection.connect(str(path))
        connection.sendall(text)
        with connection.makefile("rb") as answers:
            return messages.read_answer(answers.readline())


PAUSE = b'{"action":"pause","run":"r"}\n'


def test_only_its_user_can_reach_it(path: Path, temporary: Path) -> None:
    assert path.parent.parent == temporary
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert say(path, PAUSE) == Answer(True, f"cli (uid {os.getuid()})")


def test_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pcm.control.connection.user_of", lambda _: 12345)
    answer = say(path, PAUSE)
    assert not answer.done
    assert "not to 12345" in answer.text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"hello\n", "is not understood: is no message"),
        (b'{"action":"shell","run":"r"}\n', "is not understood: is no message"),
        (b"x" * (LINE_BYTES + 1) + b"\n", "is not understood: a line of more than 65536 bytes"),
        (b'{"action":"cancel","run":"r"}\n', "could not be done: the manager has stopped"),
    ],
)
def test_what_cannot_be_is_refused_and_the_next_is_served(
    path: Path, text: bytes, problem: str
) -> None:
    answer = say(path, text)
    assert not answer.done
    assert problem in answer.text
    assert say(path, PAUSE).done


def test_one_that_says_nothing_or_goes_holds_nobody_up_for_long(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "REQUEST_SECONDS", 0.05)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(path))
        silent.sendall(b'{"action"')
        assert say(path, PAUSE).done
        assert b"no request came within 0.05 s" in silent.recv(1000)
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as hasty:
            hasty.connect(str(path))
            hasty.sendall(PAUSE)
    assert say(path, PAUSE).done


def test_nothing_is_left_when_it_is_closed(temporary: Path) -> None:
    server = ControlServer(lambda request, by: Answer(True, ""))
    server.start()
    assert len(os.listdir(temporary)) == 1
    server.close()
    assert os.listdir(temporary) == []
    ControlServer(lambda request, by: Answer(True, "")).close()


def test_a_long_path_of_temporary_files_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    server = ControlServer(lambda request, by: Answer(True, "here"))
    server.start()
    server.announce(tmp_path, "run-1.1")
    found = note.read(tmp_path)
    assert found is not None
    assert say(Path(found.socket), PAUSE) == Answer(True, "here")
    server.close()
    assert os.listdir(deep) == []


def test_where_it_cannot_listen_runs_go_on_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def nowhere() -> Path:
        raise OSError("no space left")

    monkeypatch.setattr(control, "_folder", nowhere)
    server = ControlServer(lambda request, by: Answer(True, ""))
    server.start()
    server.announce(tmp_path, "run-1.1")
    server.close()
    assert note.read(tmp_path) is None
    assert "cannot be paused from outside: no space left" in caplog.text
