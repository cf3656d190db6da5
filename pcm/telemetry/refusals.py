"""What was not believed, counted by cause, and said once for each."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Cause(StrEnum):
    PASSWORD = "password"
    PROTOCOL = "protocol"
    SLOW = "slow"
    """Did not prove to know the password in time."""
    SILENT = "silent"
    FULL = "full"
    FRAME = "frame"
    RATE = "rate"
    WORKER = "worker"
    """Spoke of one that it had not announced."""
    TIME = "time"
    READING = "reading"
    """Of a signal that is not in the catalogue, of no place that it can have, or no number."""
    FAULT = "fault"
    """Of ours."""


class Refusals:
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._counts: dict[Cause, int] = {}

    def note(self, cause: Cause, what: str, count: int = 1) -> None:
        first = cause not in self._counts
        self._counts[cause] = self._counts.get(cause, 0) + count
        if first:
            self._say(f"telemetry refused ({cause}): {what}; more of this kind is only counted")

    def counts(self) -> dict[Cause, int]:
        """So far, by cause; from any thread."""
        return self._counts.copy()
