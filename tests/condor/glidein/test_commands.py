from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import psutil
import pytest

from condor.glidein import commands
from condor.glidein.trouble import BROKEN, ToldToLeave, Trouble


@pytest.fixture
def told_to_leave() -> Iterator[None]:
    def leave(number: int, frame: FrameType | None) -> None:
        raise ToldToLeave

    before = signal.signal(signal.SIGTERM, leave)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("told_to_leave")
def test_a_notice_while_a_command_starts_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoticedAtOnce(subprocess.Popen[str]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            # To this thread: a glidein has no other.
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    monkeypatch.setattr(subprocess, "Popen", NoticedAtOnce)
    with pytest.raises(ToldToLeave):
        commands.output_of(["sleep", "60"], BROKEN)
    assert "sleep" not in {child.name() for child in psutil.Process().children()}
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & set(commands.NOTICES)


def test_a_command_that_does_not_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "LIMIT_SECONDS", 0.1)
    with pytest.raises(Trouble, match="sleep does not answer"):
        commands.output_of(["sleep", "60"], BROKEN)


@pytest.mark.parametrize(
    ("script", "words"),
    [("echo 1; echo no driver >&2; exit 3", "failed: 1"), ("exit 3", "failed: 3")],
)
def test_a_command_that_fails_is_quoted(script: str, words: str) -> None:
    with pytest.raises(Trouble, match=words):
        commands.output_of(["sh", "-c", script], BROKEN)
