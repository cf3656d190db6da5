"""From the kill of a worker in the midst of a batch until that can go to another.

All processes of the worker are killed, one after the other from the top, as when a machine kills a
job. The core has its items again in the turn of the loop in which ``WorkerLeft`` comes.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from evaluations.dispatch.pool import Pool
from pcm.core.events import BatchDone, WorkerJoined, WorkerLeft

ROOT = Path(__file__).parents[2]
RUNNING_SECONDS = 0.3
"""After so long a batch that was dispatched is running."""


def seconds_to_requeue(count: int) -> dict[str, list[float]]:
    """Of workers that the engine started, whose process it watches, and of those from outside, of
    which it has their connection to TaskVine only."""
    seconds: dict[str, list[float]] = {"started_by_the_engine": [], "from_outside": []}
    with contextlib.closing(Pool(0)) as pool:
        for _ in range(count):
            (worker,) = pool.add(1)
            seconds["started_by_the_engine"].append(_kill(pool, worker, _launcher(worker)))
            with _outside(pool) as launcher:
                joined = pool.until(WorkerJoined)[0]
                worker = pool.warm(joined.worker)
                seconds["from_outside"].append(_kill(pool, worker, launcher))
    return seconds


def _kill(pool: Pool, worker: str, launcher: psutil.Process) -> float:
    batch = pool.dispatch(worker, "long")
    pool.engine.events(RUNNING_SECONDS)
    family = [launcher, *launcher.children(recursive=True)]
    killed = time.perf_counter()
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # They end with each other.
            process.kill()
    pool.until(WorkerLeft, lambda e: e.worker == worker)
    seconds = time.perf_counter() - killed
    if any(isinstance(h, BatchDone) and h.batch == batch for h in pool.happened):
        raise RuntimeError("the batch was to be lost")
    return seconds


def _launcher(worker: str) -> psutil.Process:
    """Of a worker that the engine started: a child of this process, with its name."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            command = child.cmdline()
            if "workers.launch" in command and worker in command:
                return child
    raise RuntimeError(f"no process of {worker}")


@contextlib.contextmanager
def _outside(pool: Pool) -> Iterator[psutil.Process]:
    """A worker that a user started."""
    command = [sys.executable, "-m", "workers.launch", f"127.0.0.1:{pool.engine.port}", "--once"]
    command += ["--password-file", str(pool.engine.password_file), "--cores", "1"]
    process = subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()
