from __future__ import annotations

import json

import pytest
import typer

from pcm.cli.verbs import verb
from pcm.errors import EngineError, InputError, ItemError, JournalError, PcmError, RunError


def code_of(error: BaseException, **options: object) -> int:
    def function(**given: object) -> int:
        raise error

    with pytest.raises(typer.Exit) as caught:
        verb(function)(**options)
    return caught.value.exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("is wrong", file="a.yaml", line=3, field="b", mend="mend it"), 2),
        (RunError("it failed"), 1),
        (EngineError("no engine"), 1),
        (JournalError("the disk is full"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_become_exit_codes(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of(error) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    assert str(error) in shown.err


def test_with_json_the_error_is_on_stdout_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(RunError("it failed"), as_json=True) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"error": "it failed", "exit_code": 1}
    assert shown.err == "error: it failed\n"


def test_the_users_traceback_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    inside = ItemError("it failed", traceback="Traceback: user's line 3")
    assert code_of(inside) == 1
    assert capsys.readouterr().err.count("user's line 3") == 1
    outside: PcmError = InputError("cannot be imported")
    outside.traceback = "Traceback: user's line 4"  # type: ignore[attr-defined]
    assert code_of(outside) == 2
    shown = capsys.readouterr().err.splitlines()
    assert shown == ["Traceback: user's line 4", "error: cannot be imported"]


def test_a_bug_is_not_hidden() -> None:
    def function() -> int:
        raise AssertionError("a bug")

    with pytest.raises(AssertionError, match="a bug"):
        verb(function)()


def test_a_code_is_passed_on() -> None:
    with pytest.raises(typer.Exit) as caught:
        verb(lambda: 3)()
    assert caught.value.exit_code == 3
