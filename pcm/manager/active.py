"""A run while it is worked on: its journal, its handle, and how both come to their end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import msgspec

from pcm.core.commands import GiveUp, RunOutcome
from pcm.core.events import Event, ItemsAdded, Requirements, RunClosed, RunOpened
from pcm.errors import JournalError, PcmError, RunError
from pcm.formats import write_outputs
from pcm.journal import JournalReader, Outcome
from pcm.manager.opening import OpenedRun
from pcm.manager.run import Progress, Run


class ActiveRun:
    """Belongs to the loop's thread from ``Loop.open`` until ``finish`` hands it to its own."""

    def __init__(self, opened: OpenedRun, handle: Run, *, closed: bool = True) -> None:
        self.opened = opened
        self.handle = handle
        self.journal = opened.journal
        self.id = opened.manifest.run
        self.damaged: JournalError | None = None
        self.on_outcomes: Callable[[list[Outcome]], None] | None = None
        self.on_give_up: Callable[[int, tuple[str, ...]], None] | None = None
        self._closed = closed
        self._new_rows = False
        self._finisher: threading.Thread | None = None

    def opening_events(self) -> list[Event]:
        manifest = self.opened.manifest
        options = manifest.options
        events: list[Event] = [
            RunOpened(
                self.id,
                context=manifest.context.digest,
                context_name=manifest.context.name,
                task_name=manifest.task.name,
                requirements=msgspec.convert(manifest.requirements, Requirements),
                retries=options.get("retries", 0),
                batch_items=options.get("batch_items"),
                item_timeout_seconds=options.get("item_timeout_seconds"),
                failure_limit=options.get("failure_limit"),
            )
        ]
        if self.journal.item_count:
            events.append(ItemsAdded(self.id, self.journal.costs(), self.journal.finished()))
        if self._closed:
            events.append(RunClosed(self.id))
        return events

    def record(self, outcomes: list[Outcome]) -> None:
        self.journal.record(outcomes)
        self._new_rows = True
        if self.on_outcomes is not None:
            self.on_outcomes(outcomes)

    def give_up(self, command: GiveUp) -> None:
        self.journal.give_up(command.item, command.kind, command.history, time.time())
        self._new_rows = True
        if self.on_give_up is not None:
            self.on_give_up(command.item, command.history)

    def commit(self) -> None:
        self.journal.commit()
        if self._new_rows:
            self._new_rows = False
            self.handle._advance()

    def finish(
        self, outcome: RunOutcome, error: PcmError | None, last: Progress | None
    ) -> None:
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
            self.journal.close()
            self.handle._settle("failed" if cause else "cancelled", RunError(why), None)

    def _end(self, outcome: RunOutcome, error: PcmError | None, last: Progress | None) -> None:
        try:
            self._log_stop()
            if outcome == "completed":
                with JournalReader(self.opened.directory) as reader:
                    write_outputs(reader, self.opened.manifest, self.opened.directory)
            self.journal.finish(outcome, str(error or ""), time.time())
        except PcmError as problem:
            outcome, error = "failed", error or problem
        except Exception as problem:
            outcome, error = "failed", error or RunError(f"the run could not be closed: {problem!r}")
        finally:
            self.journal.close()
            self.handle._settle(outcome, error, last)

    def _log_stop(self) -> None:
        self.journal.log([(time.time(), "ManagerStopped", b"{}")])
        self.journal.commit()
