"""Dask: a future for each batch, on workers that load before they join.

A worker's preload loads the context, so that the scheduler knows only workers that are warm, and
those that come back get nothing before they are. Batches of dead workers are Dask's to repeat; how
often one may be is raised, since no batch is to blame here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import dask
import distributed

from evaluations.peers import dask_preload
from evaluations.peers.sitting import Sitting, sit

SETTINGS = {
    "distributed.scheduler.allowed-failures": 1000,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.worker.memory.terminate": False,
    "distributed.admin.tick.limit": "1h",
}


def compute(items: list[int]) -> list[tuple[int, int]]:
    return list(dask_preload.machine().compute(items))


def work(sitting: Sitting) -> None:
    sitting.versions["dask"] = distributed.__version__
    dask.config.set(SETTINGS)
    cluster: Any = distributed.LocalCluster(n_workers=0, dashboard_address=None, processes=True)
    client: Any = distributed.Client(cluster)
    command = [sys.executable, "-m", "evaluations.peers.crew", str(len(sitting.workload.speeds))]
    command += [sys.executable, "-m", "dask", "worker", cluster.scheduler_address, "--no-nanny"]
    command += ["--nthreads", "1", "--no-dashboard", "--preload", dask_preload.__name__]
    command += ["--local-directory", str(sitting.directory / "dask")]
    variables = dict(zip(dask_preload.VARIABLES, sitting.machine, strict=True))
    crew = subprocess.Popen(command, env=os.environ | variables, stdin=subprocess.PIPE)
    results: Any = distributed.as_completed(
        client.map(compute, sitting.workload.batches(sitting.batch), pure=False),
        with_results=True,
    )
    sitting.await_up()
    sitting.begin(below=[crew.pid])
    for future, rows in results:
        sitting.take(rows)
        future.release()  # Or it would be computed again when its worker dies.


if __name__ == "__main__":
    sit(work)
