"""Windows in a file, one JSON object a line: of all workers of a manager, or of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pcm.errors import InputError
from pcm.telemetry.signals import Window
from pcm.telemetry.windows import window_of
from workers.protocol import Telemetry


class _Line(msgspec.Struct, frozen=True):
    """A worker's own recording (``workers.telemetry.replay``) has the last three fields."""

    end_seconds: float
    seconds: float
    readings: list[tuple[str, str, float]]
    worker: str = "recorded"
    kind: str = ""


class Recorder:
    """Appends to a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, window: Window) -> None:
        """In one piece, so that a file that was cut off has whole lines before. Raises OSError."""
        readings = [(one.signal, one.place, one.value) for one in window.readings]
        line = _Line(window.end_seconds, window.seconds, readings, window.worker, window.kind)
        os.write(self._file, msgspec.json.encode(line) + b"\n")

    def close(self) -> None:
        os.close(self._file)


def read_windows(path: Path) -> Iterator[Window]:
    """In the order of the file. Raises InputError for a line that is no window."""
    decoder = msgspec.json.Decoder(_Line)
    with path.open("rb") as lines:
        for number, text in enumerate(lines, start=1):
            if not text.strip():
                continue
            try:
                line = decoder.decode(text)
            except msgspec.MsgspecError as fault:
                raise InputError(
                    f"not a window of readings: {fault}",
                    file=str(path),
                    line=number,
                    mend="give a recording of telemetry, or a run's directory",
                ) from None
            sent = Telemetry(line.end_seconds, line.seconds, line.readings)
            window = window_of(line.worker, line.kind, sent, line.end_seconds)
            if window is not None:
                yield window
