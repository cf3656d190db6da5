"""Several runs watched as one: sums of what they say, and an end when all have ended."""

from __future__ import annotations

from typing import cast

import pytest

import pcm
from apps.fact_verification.together import Together


class Told:
    """A run that says what it was told to."""

    def __init__(
        self, progress: pcm.Progress | None, *, done: bool = True, error: pcm.PcmError | None = None
    ) -> None:
        self._progress, self.done, self._error = progress, done, error
        self.cancelled = False

    def progress(self) -> pcm.Progress | None:
        return self._progress

    def wait(self, timeout: float) -> None:
        if not self.done:
            raise TimeoutError
        if self._error is not None:
            raise self._error

    def cancel(self) -> None:
        self.cancelled = True


def together(*runs: Told) -> Together:
    return Together([cast(pcm.Run, run) for run in runs])


def progress(items: int, finished: int, speed: float, workers: int) -> pcm.Progress:
    return pcm.Progress(items, finished, 1, 2, 3.0, speed, 1.0, workers, workers, 0)


def test_items_add_up_and_shared_workers_do_not() -> None:
    ended = Told(progress(100, 100, 50.0, 3))
    slow, fast = Told(progress(100, 20, 4.0, 2), done=False), Told(progress(50, 10, 6.0, 1))
    fast.done = False
    seen = together(ended, slow, fast, Told(None)).progress()
    assert seen is not None
    assert (seen.items, seen.finished, seen.failed, seen.in_flight) == (250, 130, 3, 4)
    assert (seen.workers, seen.warm_workers) == (3, 2)
    assert seen.items_per_second == 10.0, "what has ended adds nothing to the speed"
    assert seen.eta_seconds == 12.0


def test_nothing_is_known_before_any_run_says_something() -> None:
    assert together(Told(None)).progress() is None
    only_ended = together(Told(progress(5, 5, 1.0, 1))).progress()
    assert only_ended is not None
    assert only_ended.eta_seconds is None


def test_it_ends_with_the_last_even_if_one_failed() -> None:
    failed, going = Told(None, error=pcm.RunError("no")), Told(None, done=False)
    both = together(failed, going)
    with pytest.raises(TimeoutError):
        both.wait(0.0)
    going.done = True
    both.wait(0.0)
    both.cancel()
    assert failed.cancelled
    assert going.cancelled
