"""Who decides in a simulation: pcm's scheduler, or one that it is compared with."""

from __future__ import annotations

from typing import Protocol

from pcm.core.commands import Command
from pcm.core.events import Event


class Decider(Protocol):
    """Events in, commands out; ``pcm.core.scheduler.Scheduler`` is one."""

    def handle(self, event: Event, now: float) -> list[Command]: ...

    def next_deadline(self) -> float | None:
        """When a Tick is needed next, if nothing else happens before."""
        ...
