"""What a decider hears and commands in a simulation, as a manager's log would have it."""

from __future__ import annotations

from collections.abc import Callable

from pcm.core.commands import Command
from pcm.core.encoding import encode
from pcm.core.events import Event, Tick
from pcm.engines.simulated.decider import Decider


class Recording:
    """Stands before a decider. ``write`` is told simulated seconds, kind and body of each entry, in
    their order: an event, and then what is commanded because of it."""

    def __init__(self, decider: Decider, write: Callable[[float, str, bytes], None]) -> None:
        self._decider, self._write = decider, write

    def handle(self, event: Event, now: float) -> list[Command]:
        commands = self._decider.handle(event, now)
        for entry in (event, *commands):
            if not isinstance(entry, Tick):
                self._write(now, type(entry).__name__, encode(entry))
        return commands

    def next_deadline(self) -> float | None:
        return self._decider.next_deadline()
