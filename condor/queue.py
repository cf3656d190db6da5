"""What the provisioner needs of HTCondor, whoever does it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from condor.jobs import JobEvent, JobId
from condor.matching import Demand, Match


class QueuedJob(msgspec.Struct, frozen=True):
    """A job as the schedd has it. ``status`` is HTCondor's number: 1 idle, 2 running, 3 removed,
    4 completed, 5 held, 6 transferring output, 7 suspended."""

    job: JobId
    status: int
    class_: str
    run: str
    manager: str
    since: float = 0.0
    hold_reason: str = ""
    hold_code: int = 0
    machine: str = ""


class JobQueue(Protocol):
    """Used by one thread. Every call may take seconds, and raises condor.faults.CondorError."""

    def submit(self, commands: dict[str, str], count: int) -> list[JobId]: ...

    def remove(self, jobs: Sequence[JobId], reason: str, *, force: bool = False) -> None:
        """``force``: those removed before, whose machines do not answer and are not waited for."""
        ...

    def jobs(self, run: str) -> list[QueuedJob]:
        """Those of a run; of all runs of this user if it is empty."""
        ...

    def set_text(self, jobs: Sequence[JobId], attribute: str, value: str) -> None: ...

    def events(self, log: Path, known: int) -> list[JobEvent]:
        """What has happened by this log after the first ``known`` events."""
        ...

    def match(self, demand: Demand) -> Match:
        """What of the pool's machines matches."""
        ...

    def interrupt(self) -> None:
        """End a call that waits; all further ones fail. The only method for other threads."""
        ...

    def close(self) -> None: ...
