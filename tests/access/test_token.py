"""The token: made once, kept to its owner, and not what browsers are given."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pcm.access import session_of, token_of
from pcm.access.token import TOKEN_BYTES
from pcm.errors import InputError


def test_it_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "token"
    token = token_of(file)
    assert len(bytes.fromhex(token)) == TOKEN_BYTES
    assert token_of(file) == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_all_who_come_at_once_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(lambda _: token_of(tmp_path / "token"), range(32)))
    assert len(tokens) == 1


def test_without_a_file_it_is_in_the_users_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert token_of() == (tmp_path / "pcm" / "dashboard.token").read_text().strip()


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("a" * 64, 0o640, "read by others"),
        ("short", 0o600, "at least 32"),
        ("", 0o600, "at least 32"),
        ("with spaces " * 8, 0o600, "letters and digits"),
        ("\xff" * 64, 0o600, "plain text"),
    ],
)
def test_one_that_is_no_secret_is_refused(tmp_path: Path, text: str, mode: int, words: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(text.encode("latin-1"))
    file.chmod(mode)
    with pytest.raises(InputError, match=words):
        token_of(file)


def test_a_browser_is_given_something_else_for_each_port() -> None:
    token = "a" * 64
    (name, value), (other_name, other_value) = session_of(token, 1), session_of(token, 2)
    assert name != other_name
    assert value != other_value
    assert token not in value
    assert session_of("b" * 64, 1)[1] != value
