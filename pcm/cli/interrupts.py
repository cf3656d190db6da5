"""Ctrl-C and SIGTERM: the first asks for an end in good order, the second ends at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any, Self

from pcm.cli import exits

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """While entered, ``asked`` tells whether to stop. Signals are handled in the main thread only;
    elsewhere this does nothing. A second signal ends the process; its workers end with it."""

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            os._exit(exits.INTERRUPTED)
        self.asked = True
