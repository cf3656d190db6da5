"""What can go wrong with files, for people and for ourselves."""

from __future__ import annotations

from workers.protocol import ErrorReport


class StagingError(Exception):
    """Files cannot be had or kept here. The message says what, where and the mend."""

    def report(self) -> ErrorReport:
        return ErrorReport("StagingError", str(self))


class Stopped(Exception):
    """The worker is about to end: long work was given up half way."""
