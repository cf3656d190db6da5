"""Finding the processes of a taskvine engine: driver, launchers, and what is below each."""

from __future__ import annotations

import os
from typing import NamedTuple

import psutil

DRIVER = "pcm.engines.taskvine.driver"


class WorkerTree(NamedTuple):
    """The processes of one worker, from the top."""

    launcher: psutil.Process
    vine_worker: psutil.Process
    transfer_server: psutil.Process
    host: psutil.Process
    replicas: list[psutil.Process]


def driver(manager_pid: int | None = None) -> psutil.Process:
    return _only(children(manager_pid, DRIVER))


def launchers(manager_pid: int | None = None) -> list[psutil.Process]:
    """Oldest first."""
    found = children(manager_pid, "workers.launch")
    return sorted(found, key=lambda process: process.create_time())


def worker(launcher: psutil.Process) -> WorkerTree:
    """Raises AssertionError if the worker is not complete (any more)."""
    vine_worker = _only(children(launcher.pid, "vine_worker"))
    host = _only(children(vine_worker.pid, "pcm-kit.zip"))
    server = [child for child in vine_worker.children() if child.pid != host.pid]
    replicas = [replica for template in host.children() for replica in template.children()]
    return WorkerTree(launcher, vine_worker, _only(server), host, replicas)


def workers(manager_pid: int | None = None) -> list[WorkerTree]:
    return [worker(launcher) for launcher in launchers(manager_pid)]


def children(parent: int | None, words: str) -> list[psutil.Process]:
    found = psutil.Process(parent or os.getpid()).children()
    return [child for child in found if words in _command(child)]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def _only(found: list[psutil.Process]) -> psutil.Process:
    assert len(found) == 1, found
    return found[0]
