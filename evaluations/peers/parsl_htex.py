"""Parsl: apps on the HighThroughputExecutor, one worker per block, each with a module's global.

Blocks that end are replaced and apps retried without limit. What tells who is gone, heartbeats and
looking for blocks, is as frequent as whole seconds can be.
"""

from __future__ import annotations

from concurrent.futures import as_completed
from typing import Any

import parsl
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.launchers import SimpleLauncher
from parsl.providers import LocalProvider

from evaluations.peers.sitting import ROOT, Sitting, sit

RETRIES = 1000


def compute(items: list[int], directory: str, workload: str) -> list[tuple[int, int]]:
    """On a worker, which loads at its first call."""
    from evaluations.peers.parsl_worker import machine

    return list(machine(directory, workload).compute(items))


def work(sitting: Sitting) -> None:
    sitting.versions["parsl"] = parsl.__version__
    workers = len(sitting.workload.speeds)
    LocalProvider.status_polling_interval = 1  # Else blocks are looked for every five seconds.
    provider = LocalProvider(
        init_blocks=workers,
        min_blocks=workers,
        max_blocks=workers,
        launcher=SimpleLauncher(),
        worker_init=f"export PYTHONPATH={ROOT}",
    )
    executor: Any = HighThroughputExecutor(
        label="peers",
        address="127.0.0.1",
        provider=provider,
        max_workers_per_node=1,
        cores_per_worker=0.1,
        heartbeat_period=1,
        heartbeat_threshold=2,
        poll_period=1,
        block_error_handler=False,
        encrypted=False,
    )
    directory = str(sitting.directory / "parsl")
    config = Config(
        executors=[executor],
        retries=RETRIES,
        strategy="simple",
        strategy_period=0.2,
        run_dir=directory,
        initialize_logging=False,
    )
    parsl.load(config)
    app: Any = parsl.python_app(compute)
    futures = [app(batch, *sitting.machine) for batch in sitting.workload.batches(sitting.batch)]
    sitting.await_up()
    sitting.begin()
    for future in as_completed(futures):
        sitting.take(future.result())


if __name__ == "__main__":
    sit(work)
