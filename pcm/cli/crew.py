"""Several workers on this machine: a launcher for each, as children of this process."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import NamedTuple

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Command(NamedTuple):
    """How a launcher is started."""

    arguments: list[str]
    environment: Mapping[str, str]


class Crew:
    """Launchers that are started together. They end when this process does, however it ends."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self._commands = commands
        self._launchers: list[subprocess.Popen[bytes]] = []
        self._told: signal.Signals | None = None

    def work(self) -> int:
        """Until all have ended. A signal is told to all; a second one ends them at once.

        Gives the highest of their exit codes; 128 + n for one that was ended by signal n.
        """
        before = {number: signal.signal(number, self._hear) for number in SIGNALS}
        try:
            for command in self._commands:
                if self._told is None:
                    self._start(command)
            codes = [launcher.wait() for launcher in self._launchers]
        except BaseException:
            self._tell(signal.SIGQUIT)
            for launcher in self._launchers:
                launcher.wait()
            raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return max((code if code >= 0 else 128 - code for code in codes), default=0)

    def _start(self, command: Command) -> None:
        parent = ["--parent-pid", str(os.getpid())]
        self._launchers.append(
            subprocess.Popen(
                [*command.arguments, *parent], env=command.environment, stdin=subprocess.DEVNULL
            )
        )
        if self._told is not None:  # while it was being started
            self._tell(self._told)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        again = self._told is not None
        self._told = signal.SIGQUIT if again else signal.Signals(number)
        self._tell(self._told)

    def _tell(self, number: signal.Signals) -> None:
        for launcher in self._launchers:
            with contextlib.suppress(ProcessLookupError):
                launcher.send_signal(number)
