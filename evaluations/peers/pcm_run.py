"""pcm, local or with TaskVine: one ``map``, with no size of batch.

``pcm_run.py ENGINE --workload JSON``, in pcm's own Python. Its manager replaces workers itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import pcm
from evaluations.peers.machines import Machine
from evaluations.peers.sitting import Sitting, sit


@pcm.context
def machine(directory: str, workload: str) -> Machine:
    return Machine(directory, workload)


@pcm.task
def compute(there: Machine, items: Sequence[int]) -> Iterator[tuple[int, int]]:
    yield from there.compute(items)


def main() -> None:
    engine = sys.argv.pop(1)

    def work(sitting: Sitting) -> None:
        workers, items = len(sitting.workload.speeds), range(sitting.workload.items)
        with pcm.Manager(engine, workers=workers, threads_per_worker=1, gpus=[]) as manager:
            run = manager.map(compute, items, context=machine(*sitting.machine))
            sitting.await_up()
            sitting.begin()
            for row in run:
                sitting.take([row.value])

    sit(work)


if __name__ == "__main__":
    main()
