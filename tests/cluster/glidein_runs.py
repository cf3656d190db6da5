"""Managers with glideins of a pool on this machine, and runs of theirs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pcm
from condor import Glideins
from condor.jobs import JobId
from condor.personal_pool import CondorPool
from tests.cluster import rootfs
from tests.manager.workloads import digest, salt

_PROGRAM = """
import sys
import pcm
from tests.cluster.glidein_classes import glideins
from tests.manager.workloads import digest, salt

directory, items, *home = sys.argv[1:]
with pcm.Manager("taskvine", glideins=[glideins()], home=(*home, None)[0], host="127.0.0.1") as it:
    run = it.map(
        digest.bind(seconds=0.05), range(int(items)), context=salt(), directory=directory
    )
    for row in run:
        print(row.worker, flush=True)
"""


def manager_with(directory: Path, *classes: Glideins) -> pcm.Manager:
    """``directory``: of the user who submits."""
    return pcm.Manager("taskvine", glideins=classes, home=directory / "home", host="127.0.0.1")


def digests(
    manager: pcm.Manager, directory: Path, items: int, *, seconds: float, batch: int
) -> pcm.Run:
    """A run of so many numbers, each of which takes so long; its results are ``expected``."""
    return manager.map(
        digest.bind(seconds=seconds),
        range(items),
        context=salt(),
        directory=directory / "run",
        batch=batch,
    )


def begun_and_killed(
    pool: CondorPool, directory: Path, items: int, home: Path | None = None
) -> set[JobId]:
    """Have a program begin a run, and kill it when there are results; gives the jobs it leaves."""
    program = [sys.executable, "-c", _PROGRAM, str(directory), str(items)]
    program += [] if home is None else [str(home)]
    environment = os.environ | {"PYTHONPATH": str(rootfs.CHECKOUT)}
    with subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    jobs = {(int(cluster), int(proc)) for cluster, proc in pool.queue("ClusterId", "ProcId")}
    assert jobs
    return jobs
