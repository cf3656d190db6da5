"""A log of jobs as HTCondor writes it, as events: nothing has to be asked of the schedd."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from condor.faults import translated
from condor.jobs import EventKind, JobEvent

_KINDS: Mapping[str, EventKind] = {
    "SUBMIT": "submitted",
    "EXECUTE": "running",
    "JOB_EVICTED": "evicted",
    "SHADOW_EXCEPTION": "evicted",
    "JOB_HELD": "held",
    "JOB_RELEASED": "released",
    "JOB_TERMINATED": "ended",
    "EXECUTABLE_ERROR": "ended",
    "JOB_ABORTED": "removed",
    "JOB_DISCONNECTED": "silent",
    "JOB_RECONNECT_FAILED": "silent",  # It is queued again when its lease ends.
    "JOB_SUSPENDED": "silent",
    "JOB_RECONNECTED": "back",
    "JOB_UNSUSPENDED": "back",
}


class JobLog:
    """Follows one log, which need not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log: Any = None
        self._events: list[JobEvent] = []

    def read(self, known: int) -> list[JobEvent]:
        """What is written after the first ``known`` events. Raises CondorError."""
        try:
            if self._log is None:
                if not self._path.exists():
                    return []
                import htcondor2

                self._log = htcondor2.JobEventLog(str(self._path))
            for event in self._log.events(stop_after=0):
                if (told := _event(event)) is not None:
                    self._events.append(told)
        except Exception as error:
            raise translated(error, f"reading {self._path}") from error
        return self._events[known:]

    def close(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None


def _event(event: Any) -> JobEvent | None:
    """None for one that changes nothing."""
    name = event.type.name
    kind = _KINDS.get(name)
    if kind is None:
        return None
    code, detail = 0, str(event.get("Reason", ""))
    if kind == "ended":
        code = _exit_status(event)
        detail = detail or _how_it_ended(code)
    elif kind == "held":
        code, detail = int(event.get("HoldReasonCode", 0)), str(event.get("HoldReason", ""))
    elif name == "SHADOW_EXCEPTION":
        detail = str(event.get("Message", ""))
    return JobEvent(
        kind=kind,
        job=(int(event.cluster), int(event.proc)),
        at=float(event.timestamp),
        detail=" ".join(detail.split()),
        code=code,
        subcode=int(event.get("HoldReasonSubCode", 0)),
        machine=str(event.get("SlotName", "")).rpartition("@")[2],
    )


def _exit_status(event: Any) -> int:
    if event.get("TerminatedNormally", True):
        return int(event.get("ReturnValue", 0))
    return -int(event.get("TerminatedBySignal", 0))


def _how_it_ended(code: int) -> str:
    if code == 0:
        return "it ended: it was let go, or found no manager in time"
    return f"it was killed by signal {-code}" if code < 0 else f"it ended with exit status {code}"
