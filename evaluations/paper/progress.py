"""When inferences were done, as the manager hears of it, whoever decides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pcm.core.commands import Command, Dispatch
from pcm.core.events import Event, ItemsDone
from pcm.engines.simulated import Decider


class Progress:
    """A decider that counts beside another one, of one run."""

    def __init__(self, decider: Decider, items: int) -> None:
        self._decider = decider
        self._ranges: dict[int, tuple[tuple[int, int], ...]] = {}
        self._done = np.zeros(items, bool)
        self._steps: list[tuple[float, int]] = []
        self.done = 0

    def handle(self, event: Event, now: float) -> list[Command]:
        if isinstance(event, ItemsDone):
            ranges = self._ranges[event.batch]
            items = np.concatenate([np.arange(start, stop) for start, stop in ranges])
            items = items[list(event.finished)]
            self.done += len(items) - int(self._done[items].sum())
            self._done[items] = True
            self._steps.append((now, self.done))
        commands = self._decider.handle(event, now)
        for command in commands:
            if isinstance(command, Dispatch):
                self._ranges[command.batch] = command.ranges
        return commands

    def next_deadline(self) -> float | None:
        return self._decider.next_deadline()

    def at(self, seconds: Sequence[float]) -> list[int]:
        """How many were done at such times."""
        return [
            max((done for then, done in self._steps if then <= at), default=0) for at in seconds
        ]
