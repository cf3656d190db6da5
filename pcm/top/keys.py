"""Single keys of a terminal, and a terminal that is given back as it was."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from types import TracebackType
from typing import Any, Self


class Keys:
    """Waits for keys, if stdin is a terminal; else only waits. Use it with ``with``."""

    def __init__(self) -> None:
        self._descriptor = sys.stdin.fileno() if sys.stdin.isatty() else None
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        if self._descriptor is not None:
            self._before = termios.tcgetattr(self._descriptor)
            tty.setcbreak(self._descriptor, termios.TCSADRAIN)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._descriptor is not None:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    @property
    def are_there(self) -> bool:
        return self._descriptor is not None

    def wait(self, seconds: float) -> str:
        """The keys that came, as soon as there are any; empty after so many seconds.

        ``q`` too where the terminal is gone.
        """
        if self._descriptor is None:
            time.sleep(seconds)
            return ""
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        if not ready:
            return ""
        try:
            pressed = os.read(self._descriptor, 64)
        except OSError:
            return "q"
        return pressed.decode(errors="replace") if pressed else "q"
