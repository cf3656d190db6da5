"""How the classes of glideins stand, as the event logs of runs tell it: when that has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from pcm.journal.entries import ClassStand, GlideinsStand

if TYPE_CHECKING:
    from condor.fleet import Status

EVERY_SECONDS = 2.0
"""No more than one entry is made in so long."""


class Stands:
    """Told from any thread; asked in the loop's. Times are unix seconds."""

    def __init__(self, classes: Sequence[tuple[str, str]], changed: Callable[[], None]) -> None:
        """``classes``: their names and pools, in order. ``changed`` is called in the teller's
        thread when there is something new."""
        self._names = {pool: name for name, pool in classes}
        self._stands = {name: _nothing(name) for name, _ in classes}
        self._changed = changed
        self._lock = threading.Lock()
        self._written: GlideinsStand | None = None
        self._written_at = float("-inf")

    # -- told ------------------------------------------------------------------------------------

    def wanted(self, pool: str, workers: int) -> None:
        self._replace(self._names[pool], wanted=workers)

    def failed(self, pool: str, error: str) -> None:
        """Workers that were wanted do not come."""
        self._replace(self._names[pool], trouble=error)

    def jobs(self, statuses: Sequence[Status]) -> None:
        for status in statuses:
            before = self._stands[status.name]
            self._replace(
                status.name,
                asked=status.asked,
                queued=status.queued,
                running=status.running,
                joined=status.joined,
                held=sum(status.held.values()),
                holds=dict(status.held),
                trouble="" if status.joined > before.joined else before.trouble,
            )

    def _replace(self, name: str, **fields: object) -> None:
        with self._lock:
            before = self._stands[name]
            self._stands[name] = after = msgspec.structs.replace(before, **fields)
        if after != before:
            self._changed()

    # -- asked -----------------------------------------------------------------------------------

    def now(self) -> GlideinsStand:
        """For a log that begins."""
        with self._lock:
            return GlideinsStand(tuple(self._stands.values()))

    def due_in_seconds(self, now: float) -> float | None:
        """When there is something to be written; None while nothing has changed."""
        if self._written == self.now():
            return None
        return max(0.0, self._written_at + EVERY_SECONDS - now)

    def written(self, now: float) -> GlideinsStand:
        """What is to be written now."""
        self._written, self._written_at = self.now(), now
        return self._written


def _nothing(name: str) -> ClassStand:
    return ClassStand(name=name, wanted=0, asked=0, queued=0, running=0, joined=0, held=0, holds={})
