"""Waiting for a run while its progress is shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pcm.watching.glideins import Holds, standing
from pcm.watching.progress import Display, display

if TYPE_CHECKING:
    from condor.fleet import Status
    from pcm.manager import Run

POLL_SECONDS = 0.25


def watch(
    run: Run,
    shown: Display | None = None,
    stop_asked: Callable[[], bool] | None = None,
    *,
    glideins: Callable[[], Sequence[Status]] = tuple,
) -> Run:
    """Wait for the end of a run and show its progress on stderr; gives the run back.

    A live line on a terminal, plain lines elsewhere, unless ``shown`` is another display. The run
    is cancelled once ``stop_asked`` says so. ``glideins``: the manager's method of that name, to
    show how they stand, and why some are held. Raises RunError if the run failed.
    """
    shown = shown or display(silent=False)
    cancelled, holds = False, Holds()
    try:
        while True:
            try:
                run.wait(timeout=POLL_SECONDS)
            except TimeoutError:
                statuses = glideins()
                for line in holds.fresh(statuses):
                    shown.note(line)
                _show(run, shown, statuses)
            else:
                break
            if not cancelled and stop_asked is not None and stop_asked():
                cancelled = True
                shown.note("stopping; what is done is kept (once more to end at once)")
                run.cancel()
        _show(run, shown, glideins())
    finally:
        shown.close()
    return run


def _show(run: Run, shown: Display, statuses: Sequence[Status]) -> None:
    progress = run.progress()
    if progress is not None:
        shown.update(progress, time.monotonic(), standing(statuses))
