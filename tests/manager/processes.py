"""Finding and killing the processes of a manager, as an unkind cluster would."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import psutil

DEADLINE_SECONDS = 60.0


def supervisors(manager_pid: int | None = None) -> list[psutil.Process]:
    """The worker processes of this (or another) manager, oldest first."""
    children = psutil.Process(manager_pid or os.getpid()).children()
    found = [child for child in children if "workers.host" in _command(child)]
    return sorted(found, key=lambda process: process.create_time())


def replicas(supervisor: psutil.Process) -> list[psutil.Process]:
    """The processes that hold contexts: the children of the supervisor's template."""
    return [replica for template in supervisor.children() for replica in template.children()]


def kill(process: psutil.Process, number: signal.Signals = signal.SIGKILL) -> None:
    os.kill(process.pid, number)


def gone(pids: list[int], seconds: float = DEADLINE_SECONDS) -> bool:
    """True once none of the processes is left (a zombie counts as gone)."""
    left = []
    for pid in pids:
        try:
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
        except psutil.NoSuchProcess:
            continue
    _, alive = psutil.wait_procs(left, timeout=seconds)
    return not [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def first(find: Callable[[], list[psutil.Process]]) -> psutil.Process:
    """The first process found, waiting for it a while."""
    import time

    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        found = find()
        if found:
            return found[0]
        time.sleep(0.01)
    raise AssertionError("no such process appeared")


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""
