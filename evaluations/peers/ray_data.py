"""Ray Data: ``map_batches`` over a stateful class, on a pool of actors of fixed size.

Actors that die are started again and their batches repeated, without limit. A block is a batch, and
one besides that which it computes is on its way to each actor.
"""

from __future__ import annotations

import threading
from typing import Any

from evaluations.peers.machines import Machine
from evaluations.peers.ray_start import begin, start
from evaluations.peers.sitting import Sitting, sit


class Worker:
    """What an actor of Ray Data makes once."""

    def __init__(self, directory: str, workload: str) -> None:
        self._machine = Machine(directory, workload)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        rows = list(self._machine.compute(int(item) for item in batch["id"]))
        return {"id": [item for item, _ in rows], "answer": [answer for _, answer in rows]}


def work(sitting: Sitting) -> None:
    import ray.data

    start(sitting)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = False
    workers, blocks = len(sitting.workload.speeds), sitting.workload.batches(sitting.batch)
    pool = ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=2)
    items: Any = ray.data.range(sitting.workload.items, override_num_blocks=len(blocks))
    found = items.map_batches(
        Worker,
        fn_constructor_args=sitting.machine,
        batch_size=sitting.batch,
        compute=pool,
        num_cpus=1,
        max_restarts=-1,
        max_task_retries=-1,
    )

    def consume() -> None:
        for rows in found.iter_batches(batch_size=None):
            sitting.take(zip(map(int, rows["id"]), map(int, rows["answer"]), strict=True))

    # It starts actors only when somebody wants rows.
    consumer = threading.Thread(target=consume, daemon=True)
    consumer.start()
    begin(sitting)
    consumer.join()


if __name__ == "__main__":
    sit(work)
