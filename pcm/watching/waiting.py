"""Waiting for a run while its progress is shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pcm.watching.progress import Display, display

if TYPE_CHECKING:
    from pcm.manager import Run

POLL_SECONDS = 0.25


def watch(
    run: Run, shown: Display | None = None, stop_asked: Callable[[], bool] | None = None
) -> Run:
    """Wait for the end of a run and show its progress on stderr; gives the run back.

    A live line on a terminal, plain lines elsewhere, unless ``shown`` is another display. The run
    is cancelled once ``stop_asked`` says so. Raises RunError if the run failed.
    """
    shown = shown or display(silent=False)
    cancelled = False
    try:
        while True:
            try:
                run.wait(timeout=POLL_SECONDS)
            except TimeoutError:
                _show(run, shown)
            else:
                break
            if not cancelled and stop_asked is not None and stop_asked():
                cancelled = True
                shown.note("stopping; what is done is kept (once more to end at once)")
                run.cancel()
        _show(run, shown)
    finally:
        shown.close()
    return run


def _show(run: Run, shown: Display) -> None:
    progress = run.progress()
    if progress is not None:
        shown.update(progress, time.monotonic())
