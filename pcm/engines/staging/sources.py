"""Workers that others fetch from: of which files, how many at a time, and how often that failed."""

from __future__ import annotations

from collections import Counter

from pcm.engines.staging.wants import File

STRIKES = 4
"""After so many failed fetches from it in a row a worker is no source. After one more TaskVine
would drop its connection."""


class Sources:
    """Keeps ``File.sources`` and ``File.free``. ``per_source``: fetches from one at a time."""

    def __init__(self, per_source: int) -> None:
        self._per_source = self._at_first = per_source
        self._loads: Counter[str] = Counter()
        self._strikes: Counter[str] = Counter()
        self._files: dict[str, dict[str, File]] = {}
        """By source, then by digest."""

    def stagger(self, *, one_by_one: bool) -> None:
        """How many may fetch from one at a time."""
        self._per_source = min(1, self._at_first) if one_by_one else self._at_first
        for worker in self._files:
            self._settle(worker)

    def add(self, worker: str, digest: str, file: File) -> None:
        file.sources[worker] = None
        file.whole.pop(worker, None)
        self._files.setdefault(worker, {})[digest] = file
        self._settle(worker)

    def remove(self, worker: str, digest: str, file: File) -> None:
        file.sources.pop(worker, None)
        file.free.pop(worker, None)
        self._files.get(worker, {}).pop(digest, None)

    def forget(self, worker: str) -> None:
        """It is gone, and removed from all files."""
        self._files.pop(worker, None)
        del self._loads[worker], self._strikes[worker]

    def files(self, worker: str) -> dict[str, File]:
        """Those it is a source of, by digest."""
        return dict(self._files.get(worker, {}))

    def best(self, file: File) -> str:
        """The one with the fewest fetches that has room for another; empty if there is none."""
        return min(file.free, key=self._loads.__getitem__, default="")

    def begun(self, worker: str) -> None:
        """A fetch is counted for it."""
        self._loads[worker] += 1
        self._settle(worker)

    def ended(self, worker: str) -> None:
        if self._loads[worker] > 0:  # else it is gone since
            self._loads[worker] -= 1
            self._settle(worker)

    def is_trusted(self, worker: str) -> bool:
        return self._strikes[worker] < STRIKES

    def strike(self, worker: str) -> None:
        """A fetch failed that may have been from it."""
        self._strikes[worker] += 1
        self._settle(worker)

    def absolve(self, worker: str) -> None:
        """A fetch from it went well."""
        if self._strikes.pop(worker, None):
            self._settle(worker)

    def _settle(self, worker: str) -> None:
        # None is to have more fetches than it may have failures.
        room = min(self._per_source, STRIKES - self._strikes[worker])
        if self._loads[worker] < room:
            for file in self._files.get(worker, {}).values():
                file.free[worker] = None
        else:
            for file in self._files.get(worker, {}).values():
                file.free.pop(worker, None)
