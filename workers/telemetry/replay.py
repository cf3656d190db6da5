"""Windows of readings in a file, one JSON object a line: written down, and read again as if they
were seen now."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import msgspec

from workers.protocol import MAX_READINGS
from workers.telemetry.base import Reading, Sampler


class RecordedWindow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As of ``workers.protocol.Telemetry``."""

    end_seconds: float
    seconds: float
    readings: list[tuple[str, str, float]]


class Recorder:
    """Appends to a file, which is made if it is not there."""

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - see ``close``

    def write(self, end_seconds: float, seconds: float, readings: list[Reading]) -> None:
        """A line in one piece, so that a file that was cut off has whole lines before. Raises
        OSError."""
        window = RecordedWindow(end_seconds, seconds, readings)
        self._file.write(msgspec.json.encode(window) + b"\n")

    def close(self) -> None:
        self._file.close()


class Replay(Sampler):
    """Gives each recorded window when as much time has passed since the first read as between the
    ends of the first and of that one; of several that are due, the last. Then nothing more."""

    signals: ClassVar[frozenset[str]] = frozenset()
    """Whatever was recorded."""

    def __init__(self, windows: list[RecordedWindow]) -> None:
        self._windows = windows
        self._next = 0
        self._begun: float | None = None

    @classmethod
    def of_file(cls, path: str) -> Replay:
        """Raises OSError, and ValueError with the line that is no window."""
        decoder = msgspec.json.Decoder(RecordedWindow)
        windows = []
        for number, line in enumerate(Path(path).read_bytes().splitlines(), start=1):
            if not line.strip():
                continue
            try:
                window = decoder.decode(line)
            except msgspec.MsgspecError as fault:
                raise ValueError(f"{path}, line {number}: not a recorded window: {fault}") from None
            if len(window.readings) > MAX_READINGS:
                raise ValueError(f"{path}, line {number}: more than {MAX_READINGS} readings")
            windows.append(window)
        return cls(windows)

    def read(self, now_seconds: float) -> list[Reading]:
        if self._begun is None:
            self._begun = now_seconds
        due: list[Reading] = []
        while self._next < len(self._windows):
            window = self._windows[self._next]
            offset = window.end_seconds - self._windows[0].end_seconds
            if offset > now_seconds - self._begun:
                break
            due = window.readings
            self._next += 1
        return due
