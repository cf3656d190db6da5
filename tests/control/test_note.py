from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import msgspec
import pytest

from pcm.control import note
from pcm.errors import InputError
from pcm.journal import Journal
from tests.journal.runs import manifest


def test_a_note_is_there_until_it_is_withdrawn(tmp_path: Path) -> None:
    assert note.read(tmp_path) is None
    note.post(tmp_path, Path("/tmp/somewhere/socket"), "run-1.1", 5.0)
    note.post(tmp_path, Path("/tmp/elsewhere/socket"), "run-1.2", 6.0)
    path = tmp_path / "control"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["control"]
    found = note.read(tmp_path)
    assert found is not None
    assert (found.socket, found.run) == ("/tmp/elsewhere/socket", "run-1.2")
    assert (found.pid, found.host, found.since) == (os.getpid(), socket.gethostname(), 6.0)
    note.withdraw(tmp_path)
    note.withdraw(tmp_path)
    assert note.read(tmp_path) is None


def test_a_manager_is_at_work_only_while_it_has_the_lock(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    journal = Journal.create(directory, manifest())
    assert not note.can_act(directory)
    note.post(directory, tmp_path / "socket", "run-1.1", 5.0)
    assert note.can_act(directory)
    journal.close()
    assert not note.can_act(directory)
    assert not note.can_act(tmp_path / "nothing")


def test_the_lock_of_another_manager_or_a_note_from_elsewhere_does_not_count(
    tmp_path: Path,
) -> None:
    with Journal.create(tmp_path, manifest()):
        note.post(tmp_path, tmp_path / "socket", "run-1.1", 5.0)
        mine = note.read(tmp_path)
        assert mine is not None
        for other in (
            msgspec.structs.replace(mine, pid=mine.pid + 1),
            msgspec.structs.replace(mine, host="elsewhere"),
        ):
            (tmp_path / "control").write_bytes(msgspec.json.encode(other))
            assert not note.can_act(tmp_path)


def test_what_is_no_note_is_said(tmp_path: Path) -> None:
    (tmp_path / "control").write_bytes(b"{")
    with pytest.raises(InputError, match=r"control: is no note of a manager .*; delete it"):
        note.read(tmp_path)
    assert not note.can_act(tmp_path)
    note.post(tmp_path, tmp_path / "socket", "run-1.1", 5.0)
    assert note.read(tmp_path) is not None


def test_the_socket_of_a_killed_manager_is_removed_and_nothing_else(tmp_path: Path) -> None:
    folder, stranger = tmp_path / f"{note.FOLDER_PREFIX}x", tmp_path / "stranger"
    for place in (folder, stranger):
        place.mkdir()
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(place / "socket"))
    run = tmp_path / "run"
    run.mkdir()
    for place in (stranger, folder, tmp_path / f"{note.FOLDER_PREFIX}nothing"):
        note.post(run, place / "socket", "run-1.1", 5.0)
    note.post(run, tmp_path / "mine", "run-1.2", 6.0)
    assert not folder.exists()
    assert (stranger / "socket").exists()


def test_the_socket_of_a_living_manager_stays(tmp_path: Path) -> None:
    folder = tmp_path / f"{note.FOLDER_PREFIX}x"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(folder / "socket"))
        alive.listen()
        note.post(tmp_path, folder / "socket", "run-1.1", 5.0)
        note.post(tmp_path, folder / "socket", "run-1.2", 5.0)
        assert (folder / "socket").exists()
