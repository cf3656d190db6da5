"""The glidein jobs of one class as their events tell of them: idle, running, held, gone.

Pure: events in, a state out. One job may have several lives: HTCondor queues it again when it is
evicted, and it starts on another machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

JobId = tuple[int, int]
"""Cluster and process."""

EventKind = Literal[
    "submitted", "running", "evicted", "held", "released", "ended", "removed", "silent", "back"
]
"""evicted: it is idle again, whoever wanted that (its walltime too); ended: it exited and left the
queue; removed: it was taken off the queue; silent, back: its machine does not answer, and does."""

JobStatus = Literal["idle", "running", "held", "gone"]
MACHINE_UNFIT = 75
"""Exit status of a glidein that could not work where it was; subcode of the hold that follows."""
UNFIT_TIMES = 5
"""A job that met so many unfit machines stays held: it seems that none suits it."""
ON_EXIT = 3
"""Hold code of HTCondor for a job's own policy, ours."""

_ON_MACHINE = re.compile(r"machine (\S+): ")
"""How our hold reasons begin; events name machines in another way than the pool does."""


class JobEvent(msgspec.Struct, frozen=True):
    """Something happened to a job, at ``at`` seconds since 1970.

    ``code``: an exit status (negative: a signal) of ``ended``, the hold code of ``held``.
    """

    kind: EventKind
    job: JobId
    at: float
    detail: str = ""
    code: int = 0
    subcode: int = 0
    machine: str = ""


class Job(msgspec.Struct):
    """One job. ``since``: when its status began, in seconds since 1970."""

    id: JobId
    status: JobStatus = "idle"
    since: float = 0.0
    lives: int = 0
    evictions: int = 0
    unfit: int = 0
    """How often it was on a machine that could not run a worker."""
    machine: str = ""
    hold_code: int = 0
    hold_subcode: int = 0
    silent: bool = False
    """Whether its machine does not answer, or has suspended it."""
    detail: str = ""
    """Why it is held, or how it went."""

    @property
    def backs_off(self) -> bool:
        """Held for a while by itself, since its last machine was unfit."""
        own = self.hold_code == ON_EXIT and self.hold_subcode == MACHINE_UNFIT
        return self.status == "held" and own and self.unfit < UNFIT_TIMES

    @property
    def stuck(self) -> bool:
        """Held until a person does something."""
        return self.status == "held" and not self.backs_off


class Jobs:
    """All jobs of a class that are not gone, and what was measured on those that are."""

    def __init__(self) -> None:
        self.live: dict[JobId, Job] = {}
        self.submitted = self.lives = self.evictions = 0
        self.waits_seconds: list[float] = []
        """From submission, eviction or release to the start, of the latest starts."""
        self.unfit_machines: dict[str, float] = {}
        """When a machine was found unfit last, in seconds since 1970."""

    def handle(self, event: JobEvent) -> Job:
        """The job after it. Events of one job may lack their predecessors."""
        job = self.live.get(event.job)
        if job is None:
            job = self.live[event.job] = Job(event.job, since=event.at)
            self.submitted += 1
        match event.kind:
            case "submitted" | "released":
                self._change(job, "idle", event)
            case "running":
                if job.status != "running" or job.silent:
                    self._start(job, event)
            case "evicted":
                self._evict(job)
                self._change(job, "idle", event)
            case "held":
                self._hold(job, event)
            case "ended" | "removed":
                self._change(job, "gone", event)
                del self.live[event.job]
            case "silent" | "back":
                job.silent, job.detail = event.kind == "silent", event.detail
        return job

    def forget(self, id_: JobId, at: float) -> Job | None:
        """The queue does not have it any more, though no event said so."""
        if id_ not in self.live:
            return None
        return self.handle(JobEvent("removed", id_, at, "it is not in the queue any more"))

    def having(self, status: JobStatus) -> Iterator[Job]:
        return (job for job in self.live.values() if job.status == status)

    def _start(self, job: Job, event: JobEvent) -> None:
        self._evict(job)  # No event says when a machine that was silent is given up.
        job.lives += 1
        self.lives += 1
        self.waits_seconds = [*self.waits_seconds[-99:], event.at - job.since]
        self._change(job, "running", event)
        job.machine = event.machine

    def _evict(self, job: Job) -> None:
        if job.status == "running":
            job.evictions += 1
            self.evictions += 1

    def _hold(self, job: Job, event: JobEvent) -> None:
        job.hold_code, job.hold_subcode = event.code, event.subcode
        if event.code == ON_EXIT and event.subcode == MACHINE_UNFIT:
            job.unfit += 1
            named = _ON_MACHINE.match(event.detail)
            self.unfit_machines[named[1] if named else job.machine] = event.at
        self._change(job, "held", event)

    @staticmethod
    def _change(job: Job, status: JobStatus, event: JobEvent) -> None:
        job.status, job.since, job.detail = status, event.at, event.detail
        job.silent = False
