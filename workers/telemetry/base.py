"""What a sampler is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

Reading = tuple[str, str, float]
"""Signal, place and value, named as in ``pcm/telemetry/signals.py``."""


class Sampler(ABC):
    """Reads one source.

    Where the source may be absent the class has a ``find``, which gives None then; a sampler that
    is there always has something to read.
    """

    signals: ClassVar[frozenset[str]]
    """All that it may give."""

    @abstractmethod
    def read(self, now_seconds: float) -> list[Reading]:
        """What was seen since the last read, by ``time.monotonic``; the first may give nothing.

        A value that cannot be had this time is left out. What is raised ends the sampler: whoever
        reads it closes it, says so once and goes on without.
        """

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Free what it holds. May be called more than once."""
