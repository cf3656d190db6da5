"""A real worker process, driven over its socket as a manager would."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests.workers.host import user_code
from tests.workers.host.by_value import pickled
from tests.workers.staging.files import MISSING, NOWHERE
from workers.host.link import Link
from workers.host.processes import search_path
from workers.protocol import (
    BatchEnd,
    DefineTask,
    Hello,
    ItemResult,
    ItemResults,
    LoadContext,
    Order,
    Report,
    RunBatch,
    Tree,
    decode_reports,
    encode,
)

DEADLINE_SECONDS = 30.0


class Worker:
    """Starts ``python -m workers.host`` and gathers all that it reports."""

    def __init__(
        self,
        scratch: Path,
        *options: str,
        worker: str = "w",
        program: Sequence[str] = ("-m", "workers.host"),
    ) -> None:
        ours, theirs = socket.socketpair()
        self.scratch = scratch
        command = [sys.executable, "-P", *program, "--fd", str(theirs.fileno())]
        command += ["--worker", worker, "--scratch", str(scratch), *options]
        with theirs:
            self.process = subprocess.Popen(
                command,
                env=os.environ | {"PYTHONPATH": search_path()},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self.link = Link(ours)
        self.reports: list[Report] = []
        self.heard = 0

    def __enter__(self) -> Worker:
        self.wait(Hello)
        return self

    def __exit__(self, *_: object) -> None:
        """The end of the link ends the worker, within seconds."""
        self.link.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(DEADLINE_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()

    def send(self, *orders: Order) -> None:
        self.link.send(encode(list(orders)))
        assert self.link.flush_within(DEADLINE_SECONDS)

    def wait(self, kind: type[Any], **fields: Any) -> Any:
        """The next report of this kind with these fields that was not waited for yet."""

        def fits(report: Report) -> bool:
            return isinstance(report, kind) and all(
                getattr(report, name) == value for name, value in fields.items()
            )

        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            for index in range(self.heard, len(self.reports)):
                if fits(self.reports[index]):
                    self.heard = index + 1
                    return self.reports[index]
            assert not self.link.ended, f"no {kind.__name__} {fields}; heard {self.reports}"
            self._listen(deadline, f"{kind.__name__} {fields}")

    def wait_results(self, batch: int, count: int) -> dict[int, Any]:
        """Values (or ErrorReports) by position, when there are at least so many of the batch."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while len(self.results(batch)) < count:
            assert not self.link.ended, f"no more results; heard {self.reports}"
            self._listen(deadline, f"{count} results")
        return self.results(batch)

    def wait_end(self) -> list[Report]:
        """All reports, when the worker has closed the link and its process is gone."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self.link.ended:
            self._listen(deadline, "the end")
        self.process.wait(DEADLINE_SECONDS)
        return self.reports

    def results(self, batch: int) -> dict[int, Any]:
        """Values (or ErrorReports) by position; a position that came twice is an error."""
        found: dict[int, Any] = {}
        for report in self.reports:
            if isinstance(report, ItemResults) and report.batch == batch:
                for result in report.results:
                    assert result.position not in found, f"position {result.position} came twice"
                    found[result.position] = value_of(result)
        return found

    def ends(self) -> dict[int, BatchEnd]:
        """By batch; a batch that ended twice is an error."""
        found: dict[int, BatchEnd] = {}
        for report in self.reports:
            if isinstance(report, BatchEnd):
                assert report.batch not in found, f"batch {report.batch} ended twice"
                found[report.batch] = report
        return found

    def _listen(self, deadline: float, what: str) -> None:
        left = deadline - time.monotonic()
        assert left > 0, f"waited for {what} in vain; heard {self.reports}"
        select.select([self.link], [], [], left)
        for frame in self.link.receive():
            self.reports += decode_reports(frame)


def value_of(result: ItemResult) -> Any:
    return msgspec.msgpack.decode(result.value) if result.error is None else result.error


def load(
    loader: Callable[..., Any],
    *args: Any,
    context: str = "c",
    probe: Callable[[Any], Any] | None = None,
    imports: Sequence[str] = (),
    timeout_seconds: float = 60.0,
    trees: Sequence[Tree] = (),
    ranks: int = 1,
) -> LoadContext:
    payload = pickled(loader, args, {}, probe)
    name, modules = loader.__name__, tuple(imports)
    return LoadContext(
        context, name, payload, modules, timeout_seconds, trees=tuple(trees), ranks=ranks
    )


def load_missing(context: str = "c", tree: Tree = MISSING) -> LoadContext:
    """A context that is its argument: the place of files that come from the manager."""
    return load(user_code.constant, NOWHERE, context=context, trees=[tree])


def define(function: Callable[..., Any], task: str = "t", **arguments: Any) -> DefineTask:
    return DefineTask(task, function.__name__, pickled(function, arguments))


def run(batch: int, items: Sequence[Any], context: str = "c", task: str = "t") -> RunBatch:
    return RunBatch(batch, context, task, [msgspec.msgpack.encode(item) for item in items])
