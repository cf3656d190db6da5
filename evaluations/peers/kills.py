"""Kills workers, whoever runs them: a program of its own, so that nobody's waiting delays it.

``kills --directory DIR --workload JSON --zero SECONDS --below PID ...``: every so many seconds from
time zero on the next machine is taken away: all processes of the worker that has it get SIGKILL,
from the top, and nobody may load there for a while. A worker is the process that has the machine,
with its ancestors below one of the given processes, and all their descendants. It ends when killed.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import time
from collections.abc import Collection
from math import inf
from pathlib import Path

import psutil

from evaluations.peers.ledger import Ledger
from evaluations.peers.machines import holder, set_away
from evaluations.peers.workload import Workload


def kill_worker(process: int, below: Collection[int]) -> int:
    """SIGKILL for all of it; gives how many processes there were."""
    killed = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        top = psutil.Process(process)
        while (parent := top.parent()) is not None and parent.pid not in {1, *below}:
            top = parent
        for one in [top, *top.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):  # They may end with each other.
                one.kill()
                killed += 1
    return killed


def keep_killing(directory: Path, workload: Workload, zero: float, below: Collection[int]) -> None:
    """By the schedule of the workload, for ever; a machine that nobody has is taken away too."""
    ledger = Ledger(directory)
    for number, machine in enumerate(itertools.cycle(workload.victims()), start=1):
        at = zero + number * workload.kill_every_seconds
        time.sleep(max(0.0, at - time.monotonic()))
        set_away(directory, machine, inf)
        victim = holder(directory, machine)
        killed = kill_worker(victim, below) if victim else 0
        set_away(directory, machine, ledger.write("kill", machine, killed) + workload.away_seconds)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--workload", type=Workload.parse, required=True)
    parser.add_argument("--zero", type=float, required=True)
    parser.add_argument("--below", type=int, nargs="+", required=True)
    options = parser.parse_args()
    keep_killing(options.directory, options.workload, options.zero, options.below)


if __name__ == "__main__":
    main()
