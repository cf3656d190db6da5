"""What one source sends: a rate that its streams share evenly, in virtual time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from functools import partial

from pcm.engines.simulated.clock import Clock


class Pipe:
    """Fluid: what is sent by when depends only on when streams begin and end."""

    def __init__(
        self, clock: Clock, bytes_per_second: float, stream_bytes_per_second: float
    ) -> None:
        """``stream_bytes_per_second``: what a single stream gets at most."""
        self._clock = clock
        self._rate, self._stream_rate = bytes_per_second, stream_bytes_per_second
        self._sent = 0.0
        """Bytes, to a stream that was there from the beginning."""
        self._settled_at = 0.0
        self._streams: dict[int, tuple[float, Callable[[], None]]] = {}
        """By number: what ``_sent`` was at its begin, and whom to tell of its end."""
        self._ends: list[tuple[float, int]] = []
        """A heap: what ``_sent`` is at whose end."""
        self._alarms = 0

    def begin(self, number: int, size_bytes: float, done: Callable[[], None]) -> None:
        """``number``: not used before. ``done`` is called when so much has been sent."""
        self._settle()
        self._streams[number] = self._sent, done
        heapq.heappush(self._ends, (self._sent + size_bytes, number))
        self._set_alarm()

    def end(self, number: int) -> float:
        """Stop it. Gives the bytes that it was sent."""
        self._settle()
        begun, _ = self._streams.pop(number)
        self._set_alarm()
        return self._sent - begun

    def _settle(self) -> None:
        if self._streams:
            rate = min(self._rate / len(self._streams), self._stream_rate)
            self._sent += (self._clock.now - self._settled_at) * rate
        self._settled_at = self._clock.now

    def _set_alarm(self) -> None:
        """At the next end, if no stream begins or ends before."""
        self._alarms += 1
        while self._ends and self._ends[0][1] not in self._streams:
            heapq.heappop(self._ends)
        if self._ends:
            rate = min(self._rate / len(self._streams), self._stream_rate)
            seconds = max(0.0, self._ends[0][0] - self._sent) / rate
            self._clock.after(seconds, partial(self._on_alarm, self._alarms))

    def _on_alarm(self, alarm: int) -> None:
        if alarm != self._alarms:
            return
        self._settle()
        end, number = heapq.heappop(self._ends)
        self._sent = max(self._sent, end)  # Whatever was lost in rounding.
        _, done = self._streams.pop(number)
        self._set_alarm()
        done()
