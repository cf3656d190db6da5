"""The commands of one event, in the order in which they were decided."""

from __future__ import annotations

from pcm.core.commands import Command
from pcm.core.story import Story


class Orders:
    """Collects commands; ``cause`` is the id of the event that is being handled."""

    def __init__(self, story: Story) -> None:
        self.cause = 0
        self._story = story
        self._commands: list[Command] = []

    def begin(self, cause: int) -> None:
        self.cause = cause
        self._commands = []

    def add(self, command: Command) -> None:
        self._commands.append(command)
        self._story.add(self.cause, command)

    def end(self) -> list[Command]:
        commands, self._commands = self._commands, []
        return commands
