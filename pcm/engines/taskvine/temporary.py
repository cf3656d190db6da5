"""Files that workers pass to each other: TaskVine's temporary files, one for each file published.

TaskVine (7.14) makes it necessary to be careful when one is given up. What it has the workers do
ends a vine_worker that is just fetching the file, so it must wait for that. And a file whose last
copy is lost is made again by a copy of the call that published it, pinned to a worker that is gone;
so those calls have an end time, after which TaskVine drops them.
"""

from __future__ import annotations

from typing import Any

from pcm.engines.taskvine.bindings import cvine


class Temporary:
    """What was published of one file."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self.file = cvine.vine_declare_temp(queue)
        self._users: set[int] = set()
        self._forgotten = False

    def used_by(self, task: int) -> None:
        self._users.add(task)

    def ended(self, task: int) -> None:
        """The task does not need it any more."""
        self._users.discard(task)
        self._settle()

    def forget(self) -> set[int]:
        """Delete it everywhere, as soon as no task uses it; gives those tasks."""
        self._forgotten = True
        users = set(self._users)
        self._settle()
        return users

    def _settle(self) -> None:
        if self._forgotten and not self._users and self.file is not None:
            cvine.vine_undeclare_file(self._queue, self.file)
            self.file = None


class Temporaries:
    """Those that can be fetched, or are about to be published, by digest."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._current: dict[str, Temporary] = {}

    def get(self, digest: str) -> Temporary | None:
        return self._current.get(digest)

    def declare(self, digest: str) -> Temporary:
        """The present one, or a new one."""
        if digest not in self._current:
            self._current[digest] = Temporary(self._queue)
        return self._current[digest]

    def forget(self, digest: str) -> set[int]:
        """Gives the tasks that still use it."""
        temporary = self._current.pop(digest, None)
        return set() if temporary is None else temporary.forget()
