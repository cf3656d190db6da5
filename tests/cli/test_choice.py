from __future__ import annotations

from pathlib import Path

import pytest

import pcm
from pcm.cli.choice import Choice, as_begun, chosen, given_options
from pcm.errors import InputError
from tests.manager.workloads import digest, salt


def test_what_is_given_now_goes_before_what_was_said() -> None:
    assert chosen(None, {}) == Choice("local", {})
    assert chosen("taskvine", {"listen": 9}) == Choice("taskvine", {"listen": 9})
    before = ("taskvine", {"listen": 1, "ssl": True})
    assert chosen(None, {"listen": 9}, *before) == Choice("taskvine", {"listen": 9, "ssl": True})


def test_the_options_of_another_engine_are_left_behind() -> None:
    assert chosen("local", {}, "taskvine", {"listen": 1}) == Choice("local", {})


def test_options_of_taskvine_alone_are_refused() -> None:
    options = given_options(None, Path("secret"), ssl=False)
    with pytest.raises(InputError, match="--password-file: goes with the taskvine engine; add"):
        chosen(None, options)


def test_options_are_as_given_with_the_whole_path() -> None:
    options = given_options(9123, Path("secret"), ssl=True)
    assert options == {"listen": 9123, "password_file": str(Path.cwd() / "secret"), "ssl": True}
    assert given_options(None, None, ssl=False) == {}


def test_a_run_keeps_what_it_was_begun_with(tmp_path: Path) -> None:
    with pcm.Manager("local", workers=1, threads_per_worker=1, telemetry="off") as manager:
        manager.map(digest, range(3), context=salt(), directory=tmp_path / "run")
    assert as_begun(tmp_path / "run") == Choice("local", {"threads_per_worker": 1}, "off")
