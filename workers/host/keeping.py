"""Of which tasks a context keeps state, such as that of the prefix which a task's prompts share.

Its loader returned an object with a method ``kept_states()``: the names of the states that were
used since it was last asked, and of those that are kept now. Names are compared, and never sent.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

TASKS_KEPT = 256


class Keeping:
    def __init__(self, context: Any) -> None:
        self._context = context
        self._needs: dict[str, frozenset[Hashable]] = {}
        self._told: tuple[str, ...] | None = None

    def after(self, task: str) -> tuple[str, ...] | None:
        """The tasks all of whose state is kept, after a batch of this one; None if these are the
        same as before, or the context does not say.

        Raises whatever the context's method raises.
        """
        states = getattr(self._context, "kept_states", None)
        if not callable(states):
            return None
        used, kept = (frozenset(names) for names in states())
        if used:
            self._needs.pop(task, None)
            self._needs[task] = used
            if len(self._needs) > TASKS_KEPT:
                del self._needs[next(iter(self._needs))]
        tasks = tuple(name for name, needs in self._needs.items() if needs <= kept)
        if tasks == self._told or (not tasks and self._told is None):
            return None
        self._told = tasks
        return tasks
