"""A sampler whose source may be slow, read in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import ClassVar

from workers.telemetry.base import Reading, Sampler

LAST_SECONDS = 0.2
"""How long the thread's end is waited for: a driver that hangs must not keep the worker."""


class BackgroundSampler(Sampler):
    """Makes the sampler in the thread too, for that imports much, or waits. ``read`` gives what
    came since the last one, and never waits."""

    signals: ClassVar[frozenset[str]] = frozenset()
    """Those of the sampler within."""

    def __init__(
        self,
        name: str,
        find: Callable[[], Sampler | None],
        period_seconds: float,
    ) -> None:
        self._find = find
        self._period_seconds = period_seconds
        self._latest: deque[list[Reading]] = deque(maxlen=1)
        self._failure: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pcm-{name}", daemon=True)
        self._thread.start()

    def read(self, now_seconds: float) -> list[Reading]:
        """Raises what ended the sampler within."""
        if self._failure is not None:
            raise self._failure
        return self._latest.pop() if self._latest else []

    def close(self) -> None:
        self._stop.set()
        self._thread.join(LAST_SECONDS)

    def _run(self) -> None:
        sampler = None
        try:
            sampler = self._find()
            while sampler is not None and not self._stop.is_set():
                self._latest.append(sampler.read(time.monotonic()))
                self._stop.wait(self._period_seconds)
        except Exception as failure:
            self._failure = failure
        finally:
            if sampler is not None:
                sampler.close()
