"""What an engine waits for: descriptors, timers, and to be woken; in one thread."""

from __future__ import annotations

import contextlib
import os
import selectors
import threading
import time
from collections.abc import Callable
from typing import Any

from pcm.engines.base import Happening

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Reactor:
    """Gathers what callbacks append to ``happened``."""

    def __init__(self) -> None:
        self.happened: list[Happening] = []
        self.before_waiting: Callable[[], None] = lambda: None
        """Called each time before it waits: send what is to be sent."""
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        # A signal's handler may wake in the midst of closing: the same thread may enter again.
        self._wake_lock = threading.RLock()
        self._woken = False
        self._selector.register(self._wake, READ, self._on_wake)

    def watch(self, file: Any, call: Callable[[int], None], events: int = READ) -> None:
        """Call with what it is ready for (READ, WRITE), whenever it is."""
        try:
            self._selector.modify(file, events, call)
        except KeyError:
            self._selector.register(file, events, call)

    def unwatch(self, file: Any) -> None:
        """Forget it, before it is closed; nothing if it is not watched."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(file)

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        self._timers.append((time.monotonic() + seconds, call))

    def wake(self) -> None:
        """Make ``wait`` return at once; from any thread, and without effect once it is closed."""
        with self._wake_lock:
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    def wait(self, timeout_seconds: float | None) -> list[Happening]:
        """Until something has happened, the time is over, or it is woken."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            self.before_waiting()
            watched = self._selector.get_map()
            for key, ready in self._selector.select(self._patience(deadline)):
                # A callback may have unwatched what was ready in the same turn.
                current = watched.get(key.fd)
                if current is not None and current.fileobj is key.fileobj:
                    current.data(ready)
            if self._timers:
                self._run_timers()
            if (
                self.happened
                or self._woken
                or (deadline is not None and time.monotonic() >= deadline)
            ):
                break
        self._woken = False
        happened, self.happened = self.happened, []
        return happened

    def close(self) -> None:
        """Free its own descriptors; those watched belong to others."""
        self._selector.close()
        with self._wake_lock:
            # Its number may be given to another file at once, which nobody must write to.
            wake, self._wake = self._wake, -1
            if wake >= 0:
                os.close(wake)
        self._timers.clear()
        self.happened.clear()

    def _patience(self, deadline: float | None) -> float | None:
        if self.happened or self._woken:
            return 0.0
        due = [when for when, _ in self._timers]
        if deadline is not None:
            due.append(deadline)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _run_timers(self) -> None:
        now = time.monotonic()
        due = [timer for timer in self._timers if timer[0] <= now]
        self._timers = [timer for timer in self._timers if timer[0] > now]
        for _, call in due:
            call()

    def _on_wake(self, _: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        self._woken = True
