"""A thread beside a loop, for work that would hold the loop up."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable

from workers.host.loop import Loop
from workers.staging.errors import Stopped

CLOSE_SECONDS = 1.0
"""How long the end of the thread is waited for. It does not keep its process from ending."""

Job = Callable[[], None]


class Background:
    """Jobs run one after the other in the thread; what they ``post`` runs in the loop's turn."""

    def __init__(self, loop: Loop, idle: Callable[[], float | None]) -> None:
        """``idle`` is called in the thread after every job; it tells in how many seconds to call it
        again though no job has come, None if not at all."""
        self._loop, self._idle = loop, idle
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._posts: deque[Job] = deque()
        self._pipe: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closing = False

    def submit(self, job: Job) -> None:
        """Have a job done, after those that came before; in the loop's thread."""
        if self._closing:
            return
        if self._thread is None:
            self._pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            self._loop.watch(self._pipe[0], self._on_posts)
            self._thread = threading.Thread(target=self._work, name="pcm-staging", daemon=True)
            self._thread.start()
        self._jobs.put(job)

    def post(self, callback: Job) -> None:
        """Have it called in the loop; from the thread."""
        with self._lock:
            if self._pipe is not None:
                self._posts.append(callback)
                with contextlib.suppress(BlockingIOError):  # Full of bytes that say the same.
                    os.write(self._pipe[1], b"\0")

    @property
    def closing(self) -> bool:
        """Whether long work should be given up."""
        return self._closing

    def close(self) -> bool:
        """End the thread; nothing is posted any more. Gives whether it has ended yet."""
        self._closing = True
        thread, ended = self._thread, True
        if thread is not None:
            self._jobs.put(None)
            thread.join(CLOSE_SECONDS)
            ended = not thread.is_alive()
        with self._lock:
            if self._pipe is not None:
                self._loop.unwatch(self._pipe[0])
                for descriptor in self._pipe:
                    os.close(descriptor)
                self._pipe = None
                self._posts.clear()
        return ended

    def _work(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # The loop's own.
        wait: float | None = None
        while not self._closing:
            try:
                job = self._jobs.get(timeout=wait)
            except queue.Empty:
                job = _nothing
            if job is None:
                return
            try:
                job()
                wait = self._idle()
            except Stopped:
                return
            except Exception:
                traceback.print_exc()  # A mistake of ours: the log has it, and the rest goes on.

    def _on_posts(self, _: int) -> None:
        assert self._pipe is not None
        with contextlib.suppress(BlockingIOError):
            os.read(self._pipe[0], 1 << 12)
        while self._posts and self._pipe is not None:
            self._posts.popleft()()


def _nothing() -> None:
    """Time has passed."""
