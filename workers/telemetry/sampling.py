"""Reads all samplers of a worker once a period and reports what they gave."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from workers.host.loop import Loop, Timer
from workers.protocol import MAX_READINGS, Telemetry
from workers.telemetry.base import Sampler

if TYPE_CHECKING:
    from workers.telemetry.replay import Recorder

PERIOD_VARIABLE = "PCM_TELEMETRY_SECONDS"
"""How often to read; 0 for never."""
PERIOD_SECONDS = 1.0
RECORD_VARIABLE = "PCM_TELEMETRY_RECORD"
"""A file to which each window is appended as well."""


class Sampling:
    """Begins with the first period, and not before: a worker's start waits for no sampler.

    A sampler that raises is closed and said to be lost, once; the others go on.
    """

    def __init__(
        self,
        loop: Loop,
        report: Callable[[Telemetry], None],
        *own: Sampler,
        period_seconds: float | None = None,
        find: Callable[[float], list[Sampler]] | None = None,
    ) -> None:
        """``own``: samplers that are there already, read before those that ``find`` gives (by
        default all that have a source on this machine). ``period_seconds``: by default as
        PCM_TELEMETRY_SECONDS says."""
        self._loop = loop
        self._report = report
        self._period_seconds = period() if period_seconds is None else period_seconds
        self._find = find or _found
        self._samplers = list(own)
        self._recorder: Recorder | None = None
        self._timer: Timer | None = None
        self._read_at = time.monotonic()

    def start(self) -> None:
        if self._period_seconds > 0:
            self._timer = self._loop.call_later(self._period_seconds, self._begin)

    def add(self, sampler: Sampler) -> None:
        """One more, of what only its maker can see; it is closed with the others."""
        self._samplers.append(sampler)

    def stop(self) -> None:
        """Nothing is reported from now on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Stop, and free what samplers hold; those with a thread are given a moment."""
        self.stop()
        samplers, self._samplers = self._samplers, []
        for sampler in samplers:
            sampler.close()
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None

    def _begin(self) -> None:
        try:
            self._samplers += self._find(self._period_seconds)
            if path := os.environ.get(RECORD_VARIABLE, ""):
                from workers.telemetry.replay import Recorder

                self._recorder = Recorder(path)
        except Exception as failure:
            print(f"telemetry is incomplete: {failure!r}", file=sys.stderr)
        self._read()

    def _read(self) -> None:
        now = time.monotonic()
        readings: dict[tuple[str, str], float] = {}
        for sampler in list(self._samplers):
            try:
                given = sampler.read(now)
            except Exception as failure:
                self._lose(sampler, failure)
                continue
            for signal, place, value in given:
                if math.isfinite(value):
                    readings.setdefault((signal, place), value)
        if readings:
            kept = [(*key, value) for key, value in readings.items()][:MAX_READINGS]
            self._tell(Telemetry(time.time(), now - self._read_at, kept))
        self._read_at = now
        self._timer = self._loop.call_later(self._period_seconds, self._read)

    def _tell(self, window: Telemetry) -> None:
        self._report(window)
        if self._recorder is not None:
            try:
                self._recorder.write(window.end_seconds, window.seconds, window.readings)
            except OSError as failure:
                print(f"telemetry is not recorded any more: {failure}", file=sys.stderr)
                self._recorder.close()
                self._recorder = None

    def _lose(self, sampler: Sampler, failure: Exception) -> None:
        name = type(sampler).__name__
        print(f"no more telemetry from {name}: {failure!r}", file=sys.stderr)
        self._samplers.remove(sampler)
        sampler.close()


def period(text: str | None = None) -> float:
    """Seconds between reads, as the environment has them; what cannot be read is not obeyed."""
    given = os.environ.get(PERIOD_VARIABLE, "") if text is None else text
    if not given:
        return PERIOD_SECONDS
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if math.isfinite(seconds) and seconds >= 0:
        return seconds
    print(
        f"{PERIOD_VARIABLE} is no number of seconds: {given!r}; {PERIOD_SECONDS:g} is taken",
        file=sys.stderr,
    )
    return PERIOD_SECONDS


def _found(period_seconds: float) -> list[Sampler]:
    # At the first read, and not at the worker's start.
    from workers.telemetry.sources import found

    return found(period_seconds)
