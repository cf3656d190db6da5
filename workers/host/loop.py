"""A small event loop: file descriptors, timers and signals, in one thread."""

from __future__ import annotations

import heapq
import itertools
import os
import selectors
import signal
import time
from collections.abc import Callable
from typing import Any

READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE


class Timer:
    """A call in the future that can be taken back."""

    __slots__ = ("callback", "due", "number")

    def __init__(self, due: float, number: int, callback: Callable[[], None]) -> None:
        self.due, self.number = due, number
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def __lt__(self, other: Timer) -> bool:
        return (self.due, self.number) < (other.due, other.number)


class Loop:
    """Calls back when a descriptor is ready, a time has come or a signal arrived."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[Timer] = []
        self._numbers = itertools.count()
        self._signals: dict[int, Callable[[], None]] = {}
        self._wakeup: tuple[int, int] | None = None
        self._stopped = False
        self.after_turn: Callable[[], None] = lambda: None
        """Called once at the end of every turn, when all that was ready has been handled."""

    def watch(self, file: Any, callback: Callable[[int], None], events: int = READ) -> None:
        """Call back with the ready events (READ, WRITE) whenever the descriptor is ready."""
        try:
            self._selector.modify(file, events, callback)
        except KeyError:
            self._selector.register(file, events, callback)

    def unwatch(self, file: Any) -> None:
        """Forget a descriptor, before it is closed."""
        self._selector.unregister(file)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(time.monotonic() + seconds, next(self._numbers), callback)
        heapq.heappush(self._timers, timer)
        return timer

    def on_signal(self, number: int, callback: Callable[[], None]) -> None:
        """Handle a signal within the loop's turn (main thread only)."""
        if self._wakeup is None:
            reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            self._wakeup = reader, writer
            signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
            self.watch(reader, self._on_wakeup)
        self._signals[number] = callback
        signal.signal(number, _ignore)

    def run(self) -> None:
        """Until ``stop``."""
        while not self._stopped:
            self.turn(None)

    def turn(self, limit_seconds: float | None) -> None:
        """Wait, at most so long, for something to be ready; handle all that is."""
        watched = self._selector.get_map()
        for key, events in self._selector.select(self._patience(limit_seconds)):
            # A callback may have unwatched a descriptor that was ready in the same turn.
            current = watched.get(key.fd)
            if current is not None and current.fileobj is key.fileobj:
                current.data(events)
        now = time.monotonic()
        while self._timers and (self._timers[0].callback is None or self._timers[0].due <= now):
            callback = heapq.heappop(self._timers).callback
            if callback is not None:
                callback()
        self.after_turn()

    def stop(self) -> None:
        self._stopped = True

    def close(self) -> None:
        """Free the loop's own descriptors; those watched belong to others."""
        if self._wakeup is not None:
            signal.set_wakeup_fd(-1)
            for descriptor in self._wakeup:
                os.close(descriptor)
        self._selector.close()

    def _patience(self, limit_seconds: float | None) -> float | None:
        while self._timers and self._timers[0].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return limit_seconds
        wait = max(0.0, self._timers[0].due - time.monotonic())
        return wait if limit_seconds is None else min(wait, limit_seconds)

    def _on_wakeup(self, _: int) -> None:
        assert self._wakeup is not None
        for number in sorted(set(os.read(self._wakeup[0], 4096))):
            if number in self._signals:
                self._signals[number]()


def _ignore(number: int, frame: object) -> None:
    """Signals do their work through the wake-up descriptor."""
