"""Ray: a pool of actors, one batch at a time for each; those that die are made anew.

As ``ray.util.ActorPool`` has it, and besides a batch whose actor died goes to the next that is
free, and a new actor gets its first batch when it has loaded.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import ray

from evaluations.peers.machines import Machine
from evaluations.peers.ray_start import begin, start
from evaluations.peers.sitting import Sitting, sit


class Worker:
    """The actor."""

    def __init__(self, directory: str, workload: str) -> None:
        self._machine = Machine(directory, workload)

    def ready(self) -> None:
        """Answers when it has loaded."""

    def compute(self, items: list[int]) -> list[tuple[int, int]]:
        return list(self._machine.compute(items))


def work(sitting: Sitting) -> None:
    start(sitting)
    actor: Any = ray.remote(num_cpus=1)(Worker)
    waiting = deque(sitting.workload.batches(sitting.batch))
    running: dict[Any, tuple[Any, list[int] | None]] = {}

    def make() -> None:
        fresh = actor.remote(*sitting.machine)
        running[fresh.ready.remote()] = (fresh, None)

    for _ in sitting.workload.speeds:
        make()
    begin(sitting)
    idle: list[Any] = []
    while not sitting.is_complete:
        done, _ = ray.wait(list(running), num_returns=1)
        for reference in done:
            worker, batch = running.pop(reference)
            try:
                rows = ray.get(reference)
            except ray.exceptions.RayActorError:
                if batch is not None:
                    waiting.appendleft(batch)
                make()
            else:
                sitting.take(rows or [])
                idle.append(worker)
        while idle and waiting:
            worker, batch = idle.pop(), waiting.popleft()
            running[worker.compute.remote(batch)] = (worker, batch)


if __name__ == "__main__":
    sit(work)
