"""Recorded windows for workers that replay them, each handed over when its worker asks for it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from evaluations.skew.signs import Signs
from pcm.engines.simulated import Visit
from pcm.telemetry.signals import Window


def lines(windows: Iterable[Window]) -> bytes:
    """As ``PCM_TELEMETRY_REPLAY`` takes them: a JSON object a line."""
    return b"".join(
        json.dumps(
            {
                "end_seconds": window.end_seconds,
                "seconds": window.seconds,
                "readings": window.readings,
            }
        ).encode()
        + b"\n"
        for window in windows
    )


class Recordings:
    """A replay counts from its worker's first reading, and nobody knows beforehand when that will
    be. So each file is a pipe, whose reader waits until ``hand_over`` fills it with what is to be
    seen from then on."""

    def __init__(self, directory: Path, until_seconds: float, rng: np.random.Generator) -> None:
        """``until_seconds``: when the last window ends, since 1970."""
        self._directory, self._until_seconds, self._rng = directory, until_seconds, rng
        self._waiting: dict[Path, Signs] = {}

    def add(self, name: str, visit: Visit) -> Path:
        """Of a worker that is slow from then on (since 1970); gives the pipe."""
        path = self._directory / f"{name}.jsonl"
        os.mkfifo(path)
        self._waiting[path] = Signs(name, visit, self._rng)
        return path

    def hand_over(self, now: float) -> int:
        """To whoever asks by now; how many have not yet. Raises OSError if a reader goes away."""
        for path, signs in list(self._waiting.items()):
            try:
                pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                continue  # Nobody reads there.
            os.set_blocking(pipe, True)
            with open(pipe, "wb") as file:
                ends = np.arange(now, self._until_seconds, 1.0).tolist()
                file.write(lines(signs.window(end) for end in ends))
            del self._waiting[path]
        return len(self._waiting)
