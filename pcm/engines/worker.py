"""One worker as any engine knows it: what it has said so far, and what it was told."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pcm.core.events import Capacity, LeaveCause
from workers.protocol import Machine, Order


class Worker(ABC):
    """State of one worker, from its start until its WorkerLeft."""

    sees_our_files = True
    """Whether it is on the manager's machine; files of contexts are brought to others."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.joined = False
        self.asked_to_leave = False
        self.under_notice = False
        self.goodbye = ""
        self.refusal = ""
        """Why it is refused, if it is."""
        self.replicas: dict[str, int] = {}
        """Context to the pid of the replica's process, which leads a process group."""
        self.ahead: set[str] = set()
        """Contexts of which it was told last to have only the files."""
        self.tasks: set[str] = set()
        """Tasks that it has been told of."""
        self.outgoing: list[Order] = []
        self.leases: dict[int, bytearray] = {}
        """Batches that it holds: by position, whether the item's outcome was reported."""

    @abstractmethod
    def capacity(self, machine: Machine) -> Capacity:
        """What it offers, of the machine that it is on."""

    @property
    def is_leaving(self) -> bool:
        """Whether it is to be replaced already."""
        told = self.asked_to_leave or self.under_notice
        return told or bool(self.goodbye or self.refusal)

    def leave_cause(self) -> LeaveCause:
        """Why it left, now that it has."""
        if self.refusal:
            return "refused"
        if self.asked_to_leave:
            return "retired"
        if self.goodbye == "evicted" or self.under_notice:
            return "evicted"
        return "lost"
