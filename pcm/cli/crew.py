"""Several workers on this machine: a launcher for each, as children of this process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from workers.host.loop import Loop

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Command(NamedTuple):
    """How a launcher is started."""

    arguments: list[str]
    environment: Mapping[str, str]


class Crew:
    """Launchers that are started together. They end when this process does, however it ends.

    Signals and the ends of launchers are waited for by a ``Loop``: a handler of Python's own may
    come too late, since a signal that arrives just before a call blocks does not interrupt it.
    """

    def __init__(self, commands: Sequence[Command]) -> None:
        self._commands = commands
        self._launchers: list[subprocess.Popen[bytes]] = []
        self._told: signal.Signals | None = None

    def work(self) -> int:
        """Until all have ended. A signal is told to all; a second one ends them at once.

        Gives the highest of their exit codes; 128 + n for one that was ended by signal n.
        """
        with _loop(self._hear) as loop:
            try:
                for command in self._commands:
                    if self._told is None:
                        self._start(command)
                        loop.turn(0.0)
                while any(launcher.poll() is None for launcher in self._launchers):
                    loop.turn(None)
            except BaseException:
                self._tell(signal.SIGQUIT)
                for launcher in self._launchers:
                    launcher.wait()
                raise
        codes = [launcher.returncode for launcher in self._launchers]
        return max((code if code >= 0 else 128 - code for code in codes), default=0)

    def _start(self, command: Command) -> None:
        parent = ["--parent-pid", str(os.getpid())]
        self._launchers.append(
            subprocess.Popen(
                [*command.arguments, *parent], env=command.environment, stdin=subprocess.DEVNULL
            )
        )

    def _hear(self, number: signal.Signals) -> None:
        again = self._told is not None
        self._told = signal.SIGQUIT if again else number
        self._tell(self._told)

    def _tell(self, number: signal.Signals) -> None:
        for launcher in self._launchers:
            with contextlib.suppress(ProcessLookupError):
                launcher.send_signal(number)


@contextlib.contextmanager
def _loop(hear: Callable[[signal.Signals], None]) -> Iterator[Loop]:
    """A loop that hears of the signals, and whose turn ends when a child has ended."""
    loop = Loop()
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGCHLD)}
    try:
        for number in SIGNALS:
            loop.on_signal(number, partial(hear, number))
        loop.on_signal(signal.SIGCHLD, lambda: None)
        yield loop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        loop.close()
