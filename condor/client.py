"""The schedd as a manager uses it: by a process of its own, which may wait for it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from condor import service
from condor.faults import CondorError
from condor.jobs import JobEvent, JobId
from condor.matching import Demand, Match
from condor.queue import QueuedJob
from condor.service import Answer, Ask, Look, Read, Remove, Request, SetText, Submit
from workers.host.processes import search_path


class Client:
    """A ``JobQueue``."""

    def __init__(self, collector: str = "", schedd: str = "") -> None:
        self._options = ["--collector", collector, "--schedd", schedd]
        self._process: subprocess.Popen[bytes] | None = None
        self._interrupted = False
        self._lock = threading.Lock()

    def submit(self, commands: dict[str, str], count: int) -> list[JobId]:
        return self._ask(Submit(commands, count)).ids

    def remove(self, jobs: Sequence[JobId], reason: str, *, force: bool = False) -> None:
        if jobs:
            self._ask(Remove(list(jobs), reason, force))

    def jobs(self, run: str) -> list[QueuedJob]:
        return self._ask(Look(run)).jobs

    def set_text(self, jobs: Sequence[JobId], attribute: str, value: str) -> None:
        if jobs:
            self._ask(SetText(list(jobs), attribute, value))

    def events(self, log: Path, known: int) -> list[JobEvent]:
        return self._ask(Read(str(log), known)).events

    def match(self, demand: Demand) -> Match:
        match = self._ask(Ask(demand)).match
        assert match is not None
        return match

    def interrupt(self) -> None:
        with self._lock:
            self._interrupted = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        self.interrupt()
        self._end()

    def _ask(self, request: Request) -> Answer:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            service.write(process.stdin, request)
            body = service.read(process.stdout)
        except OSError:
            body = None
        if body is None:
            self._end()
            problem = "the process that calls HTCondor has ended"
            raise CondorError(problem, "see its output above", transient=True)
        answer = service.answers.decode(body)
        if answer.problem:
            raise CondorError(answer.problem, answer.mend, transient=answer.transient)
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._interrupted:
                raise CondorError("HTCondor is not asked any more")
            if self._process is None:
                command = [sys.executable, "-P", "-m", "condor.service"]
                command += ["--parent-pid", str(os.getpid()), *self._options]
                self._process = subprocess.Popen(
                    command,
                    env=os.environ | {"PYTHONPATH": search_path()},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    start_new_session=True,
                )
            return self._process

    def _end(self) -> None:
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            for stream in (process.stdin, process.stdout):
                # What was not written is of no use to one who is dead.
                with contextlib.suppress(OSError):
                    assert stream is not None
                    stream.close()
            process.wait()
