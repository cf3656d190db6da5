"""Waits for what processes of others do, with a deadline."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

LOOK_SECONDS = 0.05


def until(
    true: Callable[[], object],
    otherwise: Callable[[], object] = lambda: "",
    *,
    within_seconds: float = 60.0,
    manager: subprocess.Popen[str] | None = None,
) -> None:
    """Returns when something is true. Raises AssertionError with what ``otherwise`` says if it
    does not come true, or with what the manager said if its process ends before."""
    deadline = time.monotonic() + within_seconds
    while not true():
        assert manager is None or manager.poll() is None, manager.communicate()
        assert time.monotonic() < deadline, otherwise()
        time.sleep(LOOK_SECONDS)
