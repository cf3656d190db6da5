"""Files of models as the distribution knows them: who needs them, and who has them."""

from __future__ import annotations

from bisect import bisect_left, insort


class Want:
    """A worker's need of a file. ``number``: in the order of asking, over all files."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.have_bytes = 0
        self.failures = 0
        self.failed_fetches = 0


class File:
    """One file, by its digest."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.edition = 0
        """Grows with each ``Forget``."""
        self.published = False
        """Whether there is something to forget."""
        self.needed_by = 0
        """Contexts on workers, however they get it."""
        self.wants: dict[str, Want] = {}
        self.idle: list[tuple[int, str]] = []
        """Of those the ones to whom it is not on its way: number and worker, first come first."""
        self.whole: dict[str, None] = {}
        """Workers whose store has it, and that could publish it; sources are not among them."""
        self.sources: dict[str, None] = {}
        """Workers from which others can fetch this edition."""
        self.free: dict[str, None] = {}
        """Of those the ones that may be fetched from now."""
        self.has_loners = False
        """Whether there may be workers that are brought it in pieces because they cannot fetch."""

    def want(self, worker: str, number: int, *, idle: bool) -> Want:
        """The worker's want, a new one with this number if it had none; ``idle``: nothing of it is
        on its way there."""
        if worker not in self.wants:
            self.wants[worker] = Want(number)
            if idle:
                self.rest(worker)
        return self.wants[worker]

    def unwant(self, worker: str) -> None:
        self.take(worker)
        self.wants.pop(worker, None)

    def rest(self, worker: str) -> None:
        """Nothing is on its way there (any more)."""
        want = self.wants.get(worker)
        if want is not None:
            insort(self.idle, (want.number, worker))

    def take(self, worker: str) -> None:
        """It is on its way there, or not wanted."""
        want = self.wants.get(worker)
        if want is not None:
            place = bisect_left(self.idle, (want.number, worker))
            if self.idle[place : place + 1] == [(want.number, worker)]:
                del self.idle[place]
