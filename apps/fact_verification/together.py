"""Several runs of one manager, watched as if they were one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import cast

import pcm


class Together:
    """What ``pcm.watch`` asks of a run, of several: to wait and to tell how far it is."""

    def __init__(self, runs: Sequence[pcm.Run]) -> None:
        self._runs = runs

    def wait(self, timeout: float) -> None:
        """Wait for the end of all, however they end. Raises TimeoutError after so many seconds."""
        deadline = time.monotonic() + timeout
        for run in self._runs:
            try:
                run.wait(max(0.0, deadline - time.monotonic()))
            except pcm.PcmError:
                continue  # One that failed stops no other; its error stays with it.

    def cancel(self) -> None:
        for run in self._runs:
            run.cancel()

    def progress(self) -> pcm.Progress | None:
        """Sums of items and speeds. Workers are shared, so the most that one run sees counts."""
        known = [(run, here) for run in self._runs if (here := run.progress()) is not None]
        if not known:
            return None
        all_ = [here for _, here in known]
        going = [here for run, here in known if not run.done]
        items, finished = sum(p.items for p in all_), sum(p.finished for p in all_)
        speed = sum(p.items_per_second for p in going)
        return pcm.Progress(
            items=items,
            finished=finished,
            failed=sum(p.failed for p in all_),
            in_flight=sum(p.in_flight for p in going),
            seconds=max(p.seconds for p in all_),
            items_per_second=speed,
            eta_seconds=(items - finished) / speed if speed else None,
            workers=max(p.workers for p in all_),
            warm_workers=max((p.warm_workers for p in going), default=0),
            loading_workers=max((p.loading_workers for p in going), default=0),
        )


def watch_all(runs: Sequence[pcm.Run]) -> None:
    """Show the progress of all until all have ended. Raises nothing for those that failed."""
    pcm.watch(cast(pcm.Run, Together(runs)))
