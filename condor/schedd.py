"""The schedd, by HTCondor's bindings: submit, remove, look."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from condor.collector import ip, pool_match, setting
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

NAMES_SHOWN = 5


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

            self._check_here()
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

    def check(self) -> None:
        """Raises CondorError if no jobs can be submitted here, as far as can be told without."""
        doing = "asking the schedd"
        if os.geteuid() == 0:
            raise CondorError("HTCondor takes no jobs of root", "work as an ordinary user")
        with self._doing(doing) as schedd:
            self._check_here()
            schedd.query("false", ["ClusterId"])
            place = self._place()
        import htcondor2

        if not hasattr(htcondor2, "ping"):  # Older bindings.
            return
        try:
            htcondor2.ping(place, "WRITE")
        except Exception as error:
            if "connect" in str(error):
                raise translated(error, doing) from error
            # It has told of its queue: what it does not grant is to write there.
            raise CondorError(
                "the schedd lets you look, and not submit",
                "see `condor_ping -verbose WRITE`, and ask who runs it",
            ) from error

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
        return htcondor2.Schedd(self._place())

    def _place(self) -> Any:
        """The schedd's ad. Raises CondorError if the pool has none of that name."""
        import htcondor2

        collector = htcondor2.Collector(*filter(None, [self._collector]))
        found = collector.locate(htcondor2.DaemonType.Schedd, *filter(None, [self._name]))
        if found is None:  # By which the bindings would take this machine's.
            ads = collector.query(htcondor2.AdType.Schedd, "true", ["Name"])
            names = ", ".join(sorted(str(ad.get("Name")) for ad in ads)[:NAMES_SHOWN])
            problem = f"the pool has no schedd {self._name!r}"
            raise CondorError(problem, f"it has {names}" if names else "check the collector")
        return found

    def _check_here(self) -> None:
        """Its jobs' logs and files are read and written where it is."""
        if not self._name and not setting("SCHEDD_HOST"):
            return
        place = self._place()
        if not is_here(str(place.get("MyAddress", "")), str(place.get("Machine", ""))):
            problem = f"the schedd {place.get('Name')} is on another machine"
            mend = "work there: it does not see the files of this machine, nor this one its logs"
            raise CondorError(problem, mend)


def is_here(address: str, machine: str) -> bool:
    """Whether a daemon that gives this address and this name of its machine is on this one."""
    if machine and machine in (socket.gethostname(), socket.getfqdn()):
        return True
    host = ip(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if not host:
        return False
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((host, 0))  # Only an own address can be bound.
        except OSError:
            return False
    return True


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
