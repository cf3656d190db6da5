"""The recent past, kept so that an error can tell what led to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from pcm.core.commands import Command
from pcm.core.events import Event, ItemsAdded

LENGTH = 2000
TOLD = 20


class InvalidTransition(RuntimeError):
    """Something happened that cannot happen; the message ends with the story that led to it."""

    def __init__(self, problem: str, story: Iterable[str] = ()) -> None:
        self.problem = problem
        self.story = list(story)
        super().__init__("\n  ".join([problem, *self.story]))


class Story:
    """The last events and commands, in order, with the id of the event they belong to."""

    def __init__(self) -> None:
        self._entries: deque[tuple[int, Event | Command]] = deque(maxlen=LENGTH)

    def add(self, event_id: int, entry: Event | Command) -> None:
        if isinstance(entry, ItemsAdded):  # its arrays are not worth keeping alive
            entry = msgspec.structs.replace(entry, costs=len(entry.costs), finished=None)
        self._entries.append((event_id, entry))

    def about(self, **names: object) -> list[str]:
        """The last entries whose fields have any of the given values, a line each."""
        wanted = {(field, value) for field, value in names.items() if value is not None}
        told = [
            f"[{event_id}] {entry!r}"
            for event_id, entry in self._entries
            if any(getattr(entry, field, None) == value for field, value in wanted)
        ]
        return told[-TOLD:]
