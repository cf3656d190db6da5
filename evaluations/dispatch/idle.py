"""What the manager's side takes of a core while there is nothing to do."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import psutil

from evaluations.dispatch.managed import Managed

SETTLE_SECONDS = 3.0
WARMING_BATCHES = 4
"""For each worker."""


def idle_load(workers: int, seconds: float) -> dict[str, float]:
    """Percent of one core, of this process and its driver, over so many seconds with so many idle
    workers, after a run that used them; and how long they took to join."""
    with contextlib.closing(Managed(workers, WARMING_BATCHES)) as managed:
        processes = {"manager": psutil.Process(), "driver": _driver()}
        time.sleep(SETTLE_SECONDS)
        began = time.perf_counter()
        before = {name: _cpu_seconds(process) for name, process in processes.items()}
        time.sleep(seconds)
        took = time.perf_counter() - began
        percent = {
            name: 100 * (_cpu_seconds(process) - before[name]) / took
            for name, process in processes.items()
        }
        memory = {
            f"{name}_resident_mb": process.memory_info().rss / 1e6
            for name, process in processes.items()
        }
        joining, warm = managed.joining_seconds, managed.warm_workers()
    return {
        "manager_percent": percent["manager"],
        "driver_percent": percent["driver"],
        "together_percent": percent["manager"] + percent["driver"],
        "joined_in_seconds": joining,
        "warm_workers": warm,
        **memory,
    }


def _driver() -> psutil.Process:
    (driver,) = [
        child
        for child in psutil.Process(os.getpid()).children()
        if "pcm.engines.taskvine.driver" in child.cmdline()
    ]
    return driver


def _cpu_seconds(process: psutil.Process) -> float:
    """Of all its threads, from /proc/PID/task/TID/schedstat, which counts nanoseconds; from
    /proc/PID/stat, which counts hundredths of a second, where the kernel keeps no such account."""
    with contextlib.suppress(FileNotFoundError):
        threads = Path(f"/proc/{process.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
    times = process.cpu_times()
    return float(times.user + times.system)
