"""What must be the same when a manager comes again."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pcm.errors import InputError
from pcm.manager.home import Home


def test_the_second_manager_finds_what_the_first_left(tmp_path: Path) -> None:
    first = Home(tmp_path / "home")
    id_, password = first.id, first.password_file.read_text()
    assert first.port == 0
    first.keep_port(4711)
    first.close()
    second = Home(tmp_path / "home")
    assert (second.id, second.password_file.read_text(), second.port) == (id_, password, 4711)
    second.close()


def test_two_at_a_time_are_refused(tmp_path: Path) -> None:
    first = Home(tmp_path)
    with pytest.raises(InputError, match=r"at work in .* already"):
        Home(tmp_path)
    first.close()
    Home(tmp_path).close()


def test_nobody_else_reads_the_password(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(home.password_file.stat().st_mode) == 0o600
    home.close()


def test_a_new_one_is_in_the_state_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    home = Home()
    assert home.path.parent == tmp_path / "pcm" / "managers"
    home.close()


def test_a_place_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"home: .*file/home cannot be used"):
        Home(tmp_path / "file" / "home")
