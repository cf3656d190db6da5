"""Launchers side by side, with shells in their place that send the signals themselves."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from pcm.cli.crew import SIGNALS, Command, Crew

STAY = "while :; do sleep 0.01; done"


@pytest.fixture(autouse=True)
def quit_is_not_ignored() -> Iterator[None]:
    """As it is for what a script starts in the background, and its shells could not change that."""
    before = signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGQUIT, before)


def work(*scripts: str) -> int:
    return Crew([Command(["/bin/sh", "-c", script], os.environ) for script in scripts]).work()


def test_the_highest_exit_code() -> None:
    assert work("exit 3", "exit 5", "exit 0") == 5
    assert Crew([]).work() == 0


def test_a_signal_reaches_all_and_no_more_are_started() -> None:
    """Also those that have just been started. Nobody would end by himself."""
    assert work(f"kill -TERM $PPID; {STAY}", STAY, STAY) == 128 + signal.SIGTERM


def test_a_second_signal_ends_them_at_once() -> None:
    told = f"trap 'kill -TERM $PPID' TERM; kill -TERM $PPID; {STAY}"
    assert work(told) == 128 + signal.SIGQUIT


def test_signals_are_afterwards_what_they_were() -> None:
    numbers = (*SIGNALS, signal.SIGCHLD)
    before = [signal.getsignal(number) for number in numbers]
    work("exit 0")
    assert [signal.getsignal(number) for number in numbers] == before
    assert signal.set_wakeup_fd(-1) == -1
