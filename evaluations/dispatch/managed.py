"""The same through a whole manager: core, engine and journal, as a user has it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pcm
from evaluations.workloads import echo, nothing

JOIN_SECONDS = 180.0
LOOK_SECONDS = 0.1


@pcm.task
def start_time(_: Any, items: Sequence[int]) -> list[float]:
    """When it began."""
    return [time.time()] * len(items)


class Managed:
    """A manager with its workers warm, until ``close``."""

    def __init__(self, workers: int, warming_batches: int = 50) -> None:
        """``warming_batches`` for each worker. Raises RuntimeError if they do not join."""
        started = time.perf_counter()
        self.manager = pcm.Manager("taskvine", workers=workers, threads_per_worker=1, gpus=[])
        try:
            self._await(workers)
            self.joining_seconds = time.perf_counter() - started
            self.per_second(warming_batches * workers)
        except BaseException:
            self.close()
            raise

    def _await(self, workers: int) -> None:
        deadline = time.monotonic() + JOIN_SECONDS
        while (there := len(self.manager.workers())) < workers:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{there} of {workers} workers joined in {JOIN_SECONDS:g} s")
            time.sleep(LOOK_SECONDS)

    def warm_workers(self) -> int:
        return sum("warm" in worker.contexts.values() for worker in self.manager.workers())

    def per_second(self, count: int) -> float:
        """Batches of one item per second, in a run of so many."""
        run = self.manager.map(echo, range(count), context=nothing(), batch=1).wait()
        return count / run.summary().seconds

    def seconds_to_start(self) -> float:
        """From ``submit`` until the task begins."""
        submitted = time.time()
        began = self.manager.submit(start_time, 0, context=nothing()).result(JOIN_SECONDS)
        return float(began) - submitted

    def close(self) -> None:
        self.manager.close()
