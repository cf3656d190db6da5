"""Files of models as the distribution knows them: who needs them, and who has them."""

from __future__ import annotations


class Want:
    """A worker's need of a file."""

    def __init__(self) -> None:
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
        self.whole: dict[str, None] = {}
        """Workers whose store has it, and that could publish it."""
        self.sources: dict[str, None] = {}
        """Workers from which others can fetch this edition."""
        self.has_loners = False
        """Whether there may be workers that are brought it in pieces because they cannot fetch."""
