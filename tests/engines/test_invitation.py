from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from pcm.engines.hosts import own_hosts
from pcm.engines.invitation import (
    NOTE_FILE,
    PASSWORD_FILE,
    Invitation,
    Note,
    post,
    read,
    withdraw,
)
from pcm.errors import InputError


@pytest.fixture
def invitation(tmp_path: Path) -> Invitation:
    (tmp_path / "secret").write_text("open sesame")
    return Invitation(9123, str(tmp_path / "secret"), ssl=True)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    directory = tmp_path / "a run"
    directory.mkdir()
    return directory


def test_what_is_posted_is_read_and_is_for_this_user_alone(
    run: Path, invitation: Invitation
) -> None:
    post(run, invitation)
    assert read(run) == Note(own_hosts(), 9123, True, socket.gethostname(), os.getpid())
    assert (run / PASSWORD_FILE).read_text() == "open sesame"
    for name in (NOTE_FILE, PASSWORD_FILE):
        assert stat.S_IMODE((run / name).stat().st_mode) == 0o600


def test_posting_again_replaces(run: Path, invitation: Invitation) -> None:
    post(run, Invitation(1, invitation.password_file))
    post(run, invitation)
    note = read(run)
    assert note is not None
    assert (note.port, note.ssl) == (9123, True)


def test_nothing_is_left_of_what_was_withdrawn(run: Path, invitation: Invitation) -> None:
    post(run, invitation)
    withdraw(run)
    withdraw(run)
    assert read(run) is None
    assert list(run.iterdir()) == []


def test_what_is_no_note_is_named(run: Path) -> None:
    (run / NOTE_FILE).write_text("{}")
    with pytest.raises(InputError, match=r"manager\.json: is no note of a manager .*; delete it"):
        read(run)


def test_a_person_is_told_both_ways(run: Path, invitation: Invitation) -> None:
    lines = invitation.advice(run).splitlines()
    assert lines[1] == f"  pcm worker '{run}'"
    assert lines[3] == f"  pcm worker {own_hosts()[0]}:9123 --password-file FILE --ssl"
