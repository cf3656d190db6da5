"""The schedd, by HTCondor's bindings: submit, remove, look."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from condor.collector import pool_match
from condor.description import CLASS, MANAGER, RUN
from condor.faults import CondorError, translated
from condor.joblog import JobLog
from condor.jobs import JobEvent, JobId
from condor.matching import Demand, Match
from condor.queue import QueuedJob

_PROJECTION = [
    *("ClusterId", "ProcId", "JobStatus", RUN, CLASS, MANAGER, "EnteredCurrentStatus"),
    *("HoldReason", "HoldReasonCode", "RemoteHost"),
]


class Schedd:
    """Calls of the bindings hold the interpreter until the schedd answers, or for 20 s: beside a
    manager use ``condor.client.Client``. Raises CondorError."""

    def __init__(self, collector: str = "", schedd: str = "") -> None:
        """``collector`` and ``schedd``: names; empty: as this machine is configured."""
        self._collector, self._name = collector, schedd
        self._schedd: Any = None
        self._logs: dict[Path, JobLog] = {}

    def submit(self, commands: dict[str, str], count: int) -> list[JobId]:
        with self._doing("submitting glideins") as schedd:
            import htcondor2

            description = htcondor2.Submit(commands)
            description.setQArgs(str(count))
            result = schedd.submit(description)
            first, number = int(result.first_proc()), int(result.num_procs())
            return [(int(result.cluster()), proc) for proc in range(first, first + number)]

    def remove(self, jobs: Sequence[JobId], reason: str, *, force: bool = False) -> None:
        if jobs:
            with self._doing("removing glideins") as schedd:
                import htcondor2

                action = htcondor2.JobAction.RemoveX if force else htcondor2.JobAction.Remove
                schedd.act(action, _names(jobs), reason)

    def jobs(self, run: str) -> list[QueuedJob]:
        constraint = f'{RUN} == "{run}"' if run else _of_this_user()
        with self._doing("looking for glideins") as schedd:
            return [_queued(ad) for ad in schedd.query(constraint, _PROJECTION)]

    def set_text(self, jobs: Sequence[JobId], attribute: str, value: str) -> None:
        if jobs:
            with self._doing("changing glideins") as schedd:
                schedd.edit(_names(jobs), attribute, f'"{value}"')

    def events(self, log: Path, known: int) -> list[JobEvent]:
        if log not in self._logs:
            self._logs[log] = JobLog(log)
        return self._logs[log].read(known)

    def match(self, demand: Demand) -> Match:
        return pool_match(demand, self._collector)

    def close(self) -> None:
        for log in self._logs.values():
            log.close()
        self._logs.clear()

    @contextlib.contextmanager
    def _doing(self, what: str) -> Iterator[Any]:
        """The schedd, found again after a failure: it may have a new address."""
        try:
            if self._schedd is None:
                self._schedd = self._find()
            yield self._schedd
        except CondorError:
            raise
        except Exception as error:
            self._schedd = None
            raise translated(error, what) from error

    def _find(self) -> Any:
        import htcondor2

        if not self._collector and not self._name:
            return htcondor2.Schedd()
        place = [self._collector] if self._collector else []
        name = [self._name] if self._name else []
        found = htcondor2.Collector(*place).locate(htcondor2.DaemonType.Schedd, *name)
        return htcondor2.Schedd(found)


def _of_this_user() -> str:
    """Said in so many words: to an administrator of the queue the schedd would give all."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    return f'{RUN} =!= undefined && Owner == "{user}"'


def _names(jobs: Sequence[JobId]) -> list[str]:
    return [f"{cluster}.{proc}" for cluster, proc in jobs]


def _queued(ad: Any) -> QueuedJob:
    return QueuedJob(
        job=(int(ad["ClusterId"]), int(ad["ProcId"])),
        status=int(ad.get("JobStatus", 0)),
        class_=str(ad.get(CLASS, "")),
        run=str(ad.get(RUN, "")),
        manager=str(ad.get(MANAGER, "")),
        since=float(ad.get("EnteredCurrentStatus", 0)),
        hold_reason=str(ad.get("HoldReason", "")),
        hold_code=int(ad.get("HoldReasonCode", 0)),
        machine=str(ad.get("RemoteHost", "")).rpartition("@")[2],
    )
