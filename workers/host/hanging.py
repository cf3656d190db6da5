"""Where a process hangs: its Python stack, written to its log by a signal."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

from workers.host.logs import size
from workers.host.loop import Loop
from workers.host.processes import STACK_SIGNAL

PATIENCE_SECONDS = 1.0
POLL_SECONDS = 0.05


def ask_for_stack(loop: Loop, pid: int, log: str, then: Callable[[int], None]) -> None:
    """Have a process that ``faulthandler`` watches write its stack, and wait until it has.

    ``then`` is called with the position in the log at which the stack begins; soon, also if the
    process does not answer (it may be stopped, or in an uninterruptible system call).
    """
    begin = size(log)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, STACK_SIGNAL)
    deadline = time.monotonic() + PATIENCE_SECONDS
    seen = begin

    def look() -> None:
        nonlocal seen
        now = size(log)
        if (now > begin and now == seen) or time.monotonic() > deadline:
            then(begin)
        else:
            seen = now
            loop.call_later(POLL_SECONDS, look)

    loop.call_later(POLL_SECONDS, look)
