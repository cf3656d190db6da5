"""The connections of the process that carries a worker's frames: ``vine_worker``.

Under TaskVine a worker speaks to the process that started it, by pipes; what goes over the network
is that one's. It is found among our ancestors by its name.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from workers.telemetry.sock_diag import SockDiag, Told, sockets_of
from workers.telemetry.tcp_info import Connection, TcpInfo

NAME = "vine_worker"
MAX_GENERATIONS = 6
READS_BETWEEN_SEARCHES = 30
"""All sockets of the machine are looked through only so often."""


def find(parent_of: Callable[[int], tuple[str, int]] | None = None) -> TcpInfo | None:
    """None where no such process is above us, or the kernel does not tell."""
    pid = _pid(parent_of or _name_and_parent)
    diag = SockDiag.find() if pid else None
    if diag is None:
        return None
    return TcpInfo(Carrier(pid, diag).connections, diag.close)


class Carrier:
    """The TCP connections of one process, with the place of those with the manager."""

    def __init__(self, pid: int, diag: SockDiag) -> None:
        self._pid = pid
        self._diag = diag
        self._known: list[Told] = []
        self._reads = 0

    def connections(self) -> list[Connection]:
        """Those that are open now. Raises OSError if the kernel does not answer any more."""
        if self._reads % READS_BETWEEN_SEARCHES == 0:
            inodes = sockets_of(self._pid)
            now = [told for told in self._diag.all() if told.inode in inodes] if inodes else []
        else:
            now = [told for known in self._known if (told := self._diag.one(known)) is not None]
        self._known = now
        self._reads += 1
        return [Connection(told.inode, "", told.info, told.backlog_bytes) for told in now]


def _pid(parent_of: Callable[[int], tuple[str, int]]) -> int:
    """0 if there is none."""
    pid = os.getppid()
    for _ in range(MAX_GENERATIONS):
        if pid <= 1:
            break
        name, parent = parent_of(pid)
        if name == NAME:
            return pid
        pid = parent
    return 0


def _name_and_parent(pid: int) -> tuple[str, int]:
    """As of ``/proc/PID/stat``; the name is in brackets and may have any character."""
    try:
        begin, _, rest = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")
    except OSError:
        return "", 0
    return begin.partition("(")[2], int(rest.split()[1])
