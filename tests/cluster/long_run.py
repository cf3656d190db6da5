"""``python -m tests.cluster.long_run BATCHES``: what a run of many batches leaves behind meanwhile.

Prints one line of JSON at every tenth of the run: ``rows``; of the manager and of its driver, the
resident memory in bytes and the number of open descriptors; files and bytes in the engine's
directory; and the bytes of the run's journal, of which the manager keeps up to 32 MiB in memory.
An item is small and a batch by itself, so that what there is, is there because of the batches.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
from pathlib import Path

import psutil

import pcm
from tests.cluster import vine_processes
from tests.manager.workloads import digest_at_once, salt

POINTS = 10
WORKERS = 2


def usage(directory: Path) -> tuple[int, int]:
    """Number and bytes of all files below."""
    files, size_bytes = 0, 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                size_bytes += os.lstat(os.path.join(folder, name)).st_size
            except FileNotFoundError:
                continue
            files += 1
    return files, size_bytes


def observe(rows: int, driver: psutil.Process, scratch: Path, run: Path) -> dict[str, int]:
    gc.collect()
    manager = psutil.Process()
    files, size_bytes = usage(scratch)
    return {
        "rows": rows,
        "manager_bytes": manager.memory_info().rss,
        "driver_bytes": driver.memory_info().rss,
        "manager_descriptors": manager.num_fds(),
        "driver_descriptors": driver.num_fds(),
        "scratch_files": files,
        "scratch_bytes": size_bytes,
        "journal_bytes": (run / "journal.sqlite").stat().st_size,
    }


def main(batches: int, folder: Path) -> None:
    scratch = folder / "scratch"
    scratch.mkdir()
    with pcm.Manager(
        engine="taskvine", workers=WORKERS, scratch=scratch, telemetry="off"
    ) as manager:
        run = manager.map(
            digest_at_once, range(batches), context=salt(), directory=folder / "run", batch=1
        )
        driver = vine_processes.driver()
        for rows, _ in enumerate(run, start=1):
            if rows % (batches // POINTS) == 0:
                print(json.dumps(observe(rows, driver, scratch, run.directory)), flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(int(sys.argv[1]), Path(temporary))
