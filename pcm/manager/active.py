"""A run while it is worked on: its journal, its handle, and how both come to their end."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import msgspec

from pcm.control import note as control
from pcm.core.commands import GiveUp, RunOutcome
from pcm.core.events import Event, ItemsAdded, Requirements, RunClosed, RunOpened
from pcm.core.views import Progress as CoreProgress
from pcm.engines import invitation as notes
from pcm.engines.invitation import Invitation
from pcm.errors import JournalError, PcmError, RunError
from pcm.formats import write_outputs
from pcm.journal import JournalReader, Outcome
from pcm.manager.opening import OpenedRun
from pcm.manager.run import Progress, Run
from workers.protocol import ErrorReport

log = logging.getLogger("pcm")

LogLine = tuple[float, str, bytes]
"""Unix seconds, kind, JSON."""

_sittings = itertools.count(1)


class ActiveRun:
    """Belongs to the loop's thread from ``Loop.open`` until ``finish`` hands it to its own."""

    def __init__(self, opened: OpenedRun, handle: Run, *, closed: bool = True) -> None:
        self.opened = opened
        self.handle = handle
        self.journal = opened.journal
        self.id = f"{opened.manifest.run}.{next(_sittings)}"
        """The core's name for this sitting: the same run may be taken up again by one manager."""
        self.damaged: JournalError | None = None
        self.on_outcomes: Callable[[list[Outcome]], None] | None = None
        self.on_give_up: Callable[[int, tuple[str, ...]], None] | None = None
        self.lines: list[LogLine] = []
        """For the run's event log; written with the next commit."""
        self._last_error = b""
        self.on_end: Callable[[PcmError | None], None] | None = None
        self._closed = closed
        self._opened_at = time.monotonic()
        self._done_before = 0
        self._new_rows = False
        self._finisher: threading.Thread | None = None
        self._invitation: Invitation | None = None
        self._invited = False

    def invite(self, invitation: Invitation | None) -> None:
        """Leave a note in the run's directory by which workers from outside find the engine, and
        none if it takes none."""
        if not self._closed or (self._invited and invitation is self._invitation):
            return
        self._invited, self._invitation = True, invitation
        try:
            if invitation is None:
                notes.withdraw(self.opened.directory)
            else:
                notes.post(self.opened.directory, invitation)
        except OSError as error:
            log.warning("`pcm worker` will not find the manager by its run: %s", error)

    def progress(self, core: CoreProgress) -> Progress:
        """As the core counts, with the time and the rate of this sitting."""
        seconds = time.monotonic() - self._opened_at
        done = core.finished + core.failed
        rate = (done - self._done_before) / seconds if seconds > 0 else 0.0
        return Progress(
            items=core.items,
            finished=done,
            failed=core.failed,
            in_flight=core.in_flight,
            seconds=seconds,
            items_per_second=rate,
            eta_seconds=core.eta_seconds,
            workers=core.workers,
            warm_workers=core.warm_workers,
            loading_workers=core.loading_workers,
            paused=core.paused,
        )

    def opening_events(self) -> list[Event]:
        manifest = self.opened.manifest
        options = manifest.options
        events: list[Event] = [
            RunOpened(
                self.id,
                context=manifest.context.digest,
                context_name=manifest.context.name,
                task_name=manifest.task.name,
                task=manifest.task.digest,
                requirements=msgspec.convert(manifest.requirements, Requirements),
                retries=options.get("retries", 0),
                batch_items=options.get("batch_items"),
                item_timeout_seconds=options.get("item_timeout_seconds"),
                failure_limit=options.get("failure_limit"),
            )
        ]
        if self.journal.item_count:
            finished = self.journal.finished()
            self._done_before = int(finished.sum())
            events.append(ItemsAdded(self.id, self.journal.costs(), finished))
        if self._closed:
            events.append(RunClosed(self.id))
        return events

    def record(self, outcomes: list[Outcome]) -> None:
        self.journal.record(outcomes)
        self._new_rows = True
        for outcome in outcomes:
            if outcome.error is not None:
                self._last_error = outcome.error
        if self.on_outcomes is not None:
            self.on_outcomes(outcomes)

    def reopen_failed(self, of_this_sitting: int) -> list[int]:
        """Items that failed have no final row any more; returns which, ascending. So many of them
        failed in this sitting."""
        items = self.journal.forget_failures()
        self._done_before -= len(items) - of_this_sitting
        return items

    def last_error_text(self) -> str:
        """The last error of an item, to be added to why a run failed; empty if there was none."""
        if not self._last_error:
            return ""
        report = msgspec.msgpack.decode(self._last_error, type=ErrorReport)
        return f"\nThe last error:\n{report.traceback or report}"

    def give_up(self, command: GiveUp) -> None:
        self.journal.give_up(command.item, command.kind, command.history, time.time())
        self._new_rows = True
        if self.on_give_up is not None:
            self.on_give_up(command.item, command.history)

    def commit(self) -> None:
        if self.lines:
            lines, self.lines = self.lines, []
            self.journal.log(lines)
        self.journal.commit()
        if self._new_rows:
            self._new_rows = False
            self.handle._advance()

    def finish(self, outcome: RunOutcome, error: PcmError | None, last: Progress | None) -> None:
        """Write the outputs and close, in a thread of its own: other runs go on meanwhile."""
        self._finisher = threading.Thread(
            target=self._end, args=(outcome, error, last), name="pcm-finish", daemon=True
        )
        self._finisher.start()

    def join(self) -> None:
        if self._finisher is not None:
            self._finisher.join()

    def abandon(self, cause: BaseException | None) -> None:
        """The manager goes before the run is done: what is done is kept, the run stays open."""
        why = (
            f"the manager failed while run {self.handle.name} was going on: {cause!r}"
            if cause
            else f"the manager was closed before run {self.handle.name} was done"
        )
        try:
            self._log_stop()
        except JournalError as error:
            why = f"{why}; {error}"
        finally:
            self._close("failed" if cause else "cancelled", RunError(why), None)

    def _end(self, outcome: RunOutcome, error: PcmError | None, last: Progress | None) -> None:
        try:
            self._log_stop()
            if outcome == "completed":
                with JournalReader(self.opened.directory) as reader:
                    write_outputs(reader, self.opened.manifest, self.opened.directory)
            self.journal.finish(outcome, str(error or ""), time.time())
        except Exception as problem:
            if error is None and not isinstance(problem, PcmError):
                error = RunError(f"the run could not be closed: {problem!r}")
            outcome, error = "failed", error or cast(PcmError, problem)
            with suppress(JournalError):  # so that `pcm status` can tell why, if at all possible
                self.journal.finish(outcome, str(error), time.time())
        finally:
            self._close(outcome, error, last)

    def _close(self, outcome: RunOutcome, error: PcmError | None, last: Progress | None) -> None:
        with suppress(OSError):  # before another manager may take the run up
            control.withdraw(self.opened.directory)
            notes.withdraw(self.opened.directory)
        self.journal.close()
        self.handle._settle(outcome, error, last)
        if self.on_end is not None:
            self.on_end(error)

    def _log_stop(self) -> None:
        self.lines.append((time.time(), "ManagerStopped", b"{}"))
        self.commit()
