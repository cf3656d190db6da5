"""A run as its user holds it: iterate over results as they finish, wait, cancel, sum up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Self

import msgspec

from pcm.control.messages import Answer
from pcm.core.commands import RunOutcome
from pcm.errors import InputError, PcmError, RunError
from pcm.journal import JournalReader
from pcm.journal.entries import ActionKind
from pcm.manager.row import Row
from pcm.report.summary import Summary, summarise

ROWS_AT_ONCE = 1000


class Progress(msgspec.Struct, frozen=True):
    """Where a run stands. ``eta_seconds`` is None while nothing is known of the speed."""

    items: int
    finished: int
    failed: int
    in_flight: int
    seconds: float
    items_per_second: float
    eta_seconds: float | None
    workers: int = 0
    warm_workers: int = 0
    loading_workers: int = 0
    paused: bool = False


class Run:
    """Items, a task and a context on their way. Made by ``Manager.map`` and ``Manager.resume``.

    Iterating gives every row, those of earlier sittings first, in the order of finishing; it ends
    when the run does and raises RunError if the run failed. Any number of iterations may go on at
    once; they read from the journal, so a slow reader costs no memory.
    """

    def __init__(
        self,
        directory: Path,
        name: str,
        *,
        cancel: Callable[[], None],
        progress: Callable[[], Progress | None],
        act: Callable[[ActionKind], Answer],
    ) -> None:
        self.directory = directory
        self.name = name
        self.outcome: RunOutcome | None = None
        self._error: PcmError | None = None
        self._cancel = cancel
        self._ask_progress = progress
        self._act = act
        self._last_progress: Progress | None = None
        self._lock = threading.Lock()
        self._rows_changed = threading.Condition(self._lock)
        self._ended = threading.Condition(self._lock)
        self._version = 0

    # -- told by the loop ------------------------------------------------------------------------

    def _advance(self) -> None:
        with self._lock:
            self._version += 1
            self._rows_changed.notify_all()

    def _wait_past(self, version: int) -> None:
        with self._lock:
            self._rows_changed.wait_for(lambda: self._version != version)

    def _settle(
        self, outcome: RunOutcome, error: PcmError | None, progress: Progress | None
    ) -> None:
        with self._lock:
            if self.outcome is None:
                self.outcome, self._error = outcome, error
                self._last_progress = progress
            self._version += 1
            self._rows_changed.notify_all()
            self._ended.notify_all()

    # -- for the user ----------------------------------------------------------------------------

    @property
    def done(self) -> bool:
        """True once nothing more will happen and the outputs are written."""
        return self.outcome is not None

    @property
    def error(self) -> PcmError | None:
        """Why the run failed, once it has."""
        return self._error

    def wait_settled(self) -> None:
        """Wait for the end, however it ends."""
        with self._lock:
            self._ended.wait_for(lambda: self.done)

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for the end; raises RunError if the run failed, TimeoutError after ``timeout`` s."""
        with self._lock:
            if not self._ended.wait_for(lambda: self.done, timeout):
                raise TimeoutError(f"run {self.name} is not done after {timeout} s")
        self._raise_if_failed()
        return self

    def __iter__(self) -> Iterator[Row]:
        with JournalReader(self.directory) as reader:
            after = 0
            while True:
                version, done = self._version, self.done
                rows = reader.rows(after, ROWS_AT_ONCE)
                for row in rows:
                    yield Row.of(row)
                if rows:
                    after = rows[-1].seq
                elif done:
                    break
                else:
                    self._wait_past(version)
        self._raise_if_failed()

    async def __aiter__(self) -> AsyncIterator[Row]:
        rows = iter(self)
        while (row := await asyncio.to_thread(next, rows, None)) is not None:
            yield row

    def __await__(self) -> Generator[Any, None, Self]:
        return asyncio.to_thread(self.wait).__await__()

    def cancel(self) -> None:
        """Stop working on this run; what is done is kept and it can be resumed."""
        self._cancel()

    def pause(self) -> None:
        """Send nothing more to workers; what they have goes on to its end, and what they have
        loaded stays as long as that of any idle worker. A pause ends with its manager: a run that
        is resumed goes on. Whoever waits for the run waits on. Nothing, if the run is over."""
        self._ask_to("pause")

    def unpause(self) -> None:
        """Go on after a pause."""
        self._ask_to("unpause")

    def retry_failed(self) -> int:
        """Try all items again that have failed or were quarantined so far, while the run goes on;
        returns how many. An iteration that has given such an item's failure gives its later row,
        too. Raises InputError if the run is over."""
        answer = self._ask_to("retry_failed")
        if answer is None or not answer.done:
            raise InputError(
                f"run {self.name} is over" if answer is None else answer.text,
                file=str(self.directory),
                mend="resume it with retry_failed=True",
            )
        return answer.items

    def progress(self) -> Progress | None:
        """Where the run stands now; at its end, where it stood; None if its manager broke."""
        current = None if self.done else self._ask_progress()
        if current is not None:
            self._last_progress = current
        return self._last_progress

    def summary(self) -> Summary:
        """Counts and the split of the workers' time, from the journal; also while it goes on."""
        with JournalReader(self.directory) as reader:
            return summarise(reader)

    def _ask_to(self, action: ActionKind) -> Answer | None:
        """None if the run is over."""
        return None if self.done else self._act(action)

    def _raise_if_failed(self) -> None:
        if self._error is not None:
            raise self._error
        if self.outcome == "failed":
            raise RunError(f"run {self.name} failed")
