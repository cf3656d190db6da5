"""A worker that tells nothing."""

from __future__ import annotations

from typing import ClassVar

from workers.telemetry.base import Reading, Sampler


class Null(Sampler):
    """Has no source."""

    signals: ClassVar[frozenset[str]] = frozenset()

    def read(self, now_seconds: float) -> list[Reading]:
        return []
