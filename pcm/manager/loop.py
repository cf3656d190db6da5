"""The loop that joins core, engine and journals; one thread, one turn at a time.

A turn: wait for happenings; make results durable; tell the core; carry out its commands. Results
are committed before the core, and so before any user, hears of them.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec

from pcm.core.commands import Command, Dispatch, Finish, GiveUp, Want
from pcm.core.encoding import encode
from pcm.core.events import (
    BatchLost,
    Event,
    ItemsDone,
    RunCancelled,
    Tick,
    WorkerCondemned,
    WorkerJoined,
    WorkerLeft,
)
from pcm.core.scheduler import Scheduler
from pcm.engines.base import Delivery, Engine, FileCame, LogLine, Observed
from pcm.engines.invitation import Invitation
from pcm.errors import JournalError, PcmError, RunError
from pcm.journal import Outcome, entries
from pcm.journal.entries import ManagerStarted
from pcm.manager.active import ActiveRun
from pcm.manager.cargo import Hold
from pcm.manager.glideins import GlideinSupply
from pcm.manager.run import Progress
from pcm.manager.skew import Skew
from workers.protocol import Telemetry

log = logging.getLogger("pcm")

T = TypeVar("T")


class Loop:
    """Owns the scheduler and the journals of the open runs; everything here runs in its thread,
    but ``call``, ``ask`` and ``stop``, which any thread may use."""

    def __init__(self, engine: Engine, scheduler: Scheduler, skew: Skew | None = None) -> None:
        """``skew``: what telemetry says of the workers, if it is heeded."""
        self.engine = engine
        self.scheduler = scheduler
        self.supply: GlideinSupply | None = None
        """What brings workers of offered pools, if there are such."""
        self.skew = skew
        self.hold = Hold()
        self.runs: dict[str, ActiveRun] = {}
        self.kinds: dict[str, str] = {}
        self._finishing: list[ActiveRun] = []
        self.broken: BaseException | None = None
        self._requests: deque[Callable[[], None]] = deque()
        self._stopping = False
        self._invitation: Invitation | None = None
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._main, name="pcm-loop", daemon=True)

    # -- from any thread -------------------------------------------------------------------------

    def start(self) -> None:
        """Raises what the engine raised at its start."""
        self._thread.start()
        self._started.result()

    def call(self, request: Callable[[], None]) -> None:
        """Have something done in the loop's thread, soon."""
        self._requests.append(request)
        self.engine.wake()

    def ask(self, question: Callable[[], T]) -> T:
        """Have something done in the loop's thread and wait for its answer."""
        answer: Future[T] = Future()

        def request() -> None:
            try:
                answer.set_result(question())
            except BaseException as error:
                answer.set_exception(error)

        self.call(request)
        while True:
            try:
                return answer.result(timeout=1.0)
            except TimeoutError:
                if not self._thread.is_alive() and not answer.done():
                    raise RunError(f"the manager has stopped: {self.broken or 'closed'}") from None

    def stop(self) -> None:
        """End the loop, its workers and its threads. What is done is kept."""
        self.call(self._stop)
        self._thread.join()
        for run in self._finishing:
            run.join()
        self._finishing.clear()

    def _stop(self) -> None:
        self._stopping = True

    # -- the thread ------------------------------------------------------------------------------

    def _main(self) -> None:
        try:
            self.engine.start(self.hold)
        except BaseException as error:
            self._started.set_exception(error)
            return
        self._started.set_result(None)
        try:
            while not self._stopping:
                self._turn()
        except BaseException as error:
            self.broken = error
            log.exception("the manager's loop failed")
        finally:
            try:
                self._commit()
                for run in self.runs.values():
                    run.abandon(self.broken)
                self.runs.clear()
            finally:
                self.engine.stop()

    def _turn(self) -> None:
        happenings = self.engine.events(0.0)
        # That may have taken a wake-up: whoever woke us must be seen before we wait.
        moved = self.engine.invitation() is not self._invitation
        if not happenings and not self._requests and not moved:
            self._commit()
            happenings = self.engine.events(self._patience())
        events: list[Event] = []
        for happening in happenings:
            if isinstance(happening, Delivery):
                done = self._record(happening)
                if done is not None:
                    events.append(done)
            elif isinstance(happening, LogLine):
                log.info("%s: %s", happening.worker, happening.text)
            elif isinstance(happening, FileCame):
                self.note(entries.FileCame(*msgspec.structs.astuple(happening)))
            elif isinstance(happening, Observed):
                if self.skew is not None:
                    self.skew.observed(happening.worker, happening.telemetry, time.time())
            else:
                events.append(happening)
        self._commit()
        self._invite()
        for event in events:
            self.tell(event)
        while self._requests:
            self._requests.popleft()()
        deadline = self.scheduler.next_deadline()
        if deadline is not None and deadline <= time.monotonic():
            self.tell(Tick())
        self._heed_skew()
        self._tell_of_glideins()
        self.engine.flush()

    def heed(self, worker: str, telemetry: Telemetry) -> None:
        """Telemetry of a worker from beside it, its end by the manager's clock."""
        if self.skew is not None:
            self.skew.seen(worker, telemetry, telemetry.end_seconds, time.time())

    def _heed_skew(self) -> None:
        if self.skew is not None and self.skew.due_in_seconds(now := time.time()) == 0.0:
            settled = self.skew.settle(now)
            for finding in settled.findings:
                self.note(finding)
            for change in settled.changes:
                self.tell(change)
            for remedy in self.skew.remedies(now):
                self.note(remedy)
                if remedy.kind == "replace":
                    self.tell(WorkerCondemned(remedy.worker, remedy.reason))
                else:
                    self.engine.stagger(one_by_one=remedy.kind == "stagger")

    def _tell_of_glideins(self) -> None:
        """Into the logs of runs, when they stand otherwise."""
        if self.supply is not None and self.supply.stands.due_in_seconds(now := time.time()) == 0.0:
            self.note(self.supply.stands.written(now))

    def _invite(self) -> None:
        """Where workers find the engine changes when its process for that is started again."""
        invitation = self.engine.invitation()
        if invitation is not self._invitation:
            self._invitation = invitation
            for run in self.runs.values():
                run.invite(invitation)

    def _patience(self) -> float | None:
        deadline = self.scheduler.next_deadline()
        patience = None if deadline is None else max(0.0, deadline - time.monotonic())
        now = time.time()
        look = None if self.skew is None else self.skew.due_in_seconds(now)
        due = None if self.supply is None else self.supply.stands.due_in_seconds(now)
        return min((wait for wait in (patience, look, due) if wait is not None), default=None)

    def tell(self, event: Event) -> None:
        """Let the core handle an event, and carry out what it commands."""
        if isinstance(event, WorkerJoined):
            self.kinds[event.worker] = event.capacity.kind
            if self.supply is not None:
                self.supply.joined(event.worker)
        elif isinstance(event, WorkerLeft):
            self.kinds.pop(event.worker, None)
        if self.skew is not None:
            batch = getattr(event, "batch", None)
            lease = None if batch is None else self.scheduler.lease(batch)
            self.skew.heard(event, lease, time.time())
        self.note(event)
        for command in self.scheduler.handle(event, time.monotonic()):
            self.note(command)
            if isinstance(command, GiveUp):
                self._give_up(command)
            elif isinstance(command, Finish):
                self._finish(command)
            else:
                self._order(command)

    def _order(self, command: Command) -> None:
        if isinstance(command, Want):
            if self.supply is not None:
                self.supply.order(command)
            return
        try:
            self.engine.order(command)
        except JournalError as error:  # only a Dispatch reads a journal, for its items
            assert isinstance(command, Dispatch)
            lost = BatchLost(command.batch, "cancelled", started=False)
            self.call(lambda: self.tell(lost))
            self._damage(self.runs[command.run], error)

    # -- journals --------------------------------------------------------------------------------

    def _record(self, delivery: Delivery) -> ItemsDone | None:
        lease = self.scheduler.lease(delivery.batch)
        run = None if lease is None else self.runs.get(lease.run)
        if lease is None or run is None or lease.worker != delivery.worker:
            return None
        kind, now = self.kinds[lease.worker], time.time()
        outcomes: list[Outcome] = []
        finished: list[int] = []
        failed: list[int] = []
        for result in delivery.results:
            error = None if result.error is None else msgspec.msgpack.encode(result.error)
            (finished if error is None else failed).append(result.position)
            outcomes.append(
                Outcome(
                    lease.item_at(result.position),
                    result.value,
                    error,
                    lease.worker,
                    kind,
                    delivery.batch,
                    lease.attempt,
                    result.seconds,
                    now,
                )
            )
        if not self.guarded(run, lambda: run.record(outcomes)):
            return None
        return ItemsDone(delivery.batch, tuple(finished), tuple(failed))

    def _give_up(self, command: GiveUp) -> None:
        run = self.runs.get(command.run)
        if run is not None:
            self.guarded(run, lambda: run.give_up(command))

    def note(self, entry: msgspec.Struct) -> None:
        """Into the log of the run that it concerns, or of every open run."""
        run_id: str | None = getattr(entry, "run", None)
        if run_id is None and (batch := getattr(entry, "batch", None)) is not None:
            lease = self.scheduler.lease(batch)
            run_id = "" if lease is None else lease.run
        concerned = (
            list(self.runs.values())
            if run_id is None
            else [self.runs[run_id]]
            if run_id in self.runs
            else []
        )
        if concerned and not isinstance(entry, Tick):
            line = (time.time(), type(entry).__name__, encode(entry))
            for run in concerned:
                run.lines.append(line)

    def _commit(self) -> None:
        for run in list(self.runs.values()):
            self.guarded(run, run.commit)

    def guarded(self, run: ActiveRun, deed: Callable[[], Any]) -> bool:
        """A journal that cannot be written ends its own run, and no other."""
        if run.damaged:
            return False
        try:
            deed()
        except JournalError as error:
            self._damage(run, error)
            return False
        return True

    def _damage(self, run: ActiveRun, error: JournalError) -> None:
        run.damaged = run.damaged or error
        self.call(lambda: self.cancel(run.id))

    # -- runs ------------------------------------------------------------------------------------

    def open(self, run: ActiveRun) -> None:
        """Take over an opened run; its journal belongs to this thread from now on.

        If this raises, the run is not taken over, and its journal is the caller's again.
        """
        self.runs[run.id] = run
        self.hold.add(run.id, run.opened.manifest.context.digest, run.opened.cargo, run.journal)
        try:
            run.invite(self.engine.invitation())
            self._open_log(run)
            for event in run.opening_events():
                self.tell(event)
        except BaseException:
            self.runs.pop(run.id, None)
            self.hold.remove(run.id)
            raise

    def _open_log(self, run: ActiveRun) -> None:
        now = time.time()
        head: list[msgspec.Struct] = [ManagerStarted(os.getpid(), socket.gethostname())]
        head += self.scheduler.present()
        if self.supply is not None:
            head.append(self.supply.stands.now())
        run.lines += [(now, type(one).__name__, encode(one)) for one in head]

    def cancel(self, run_id: str) -> None:
        if run_id in self.runs:
            self.tell(RunCancelled(run_id))

    def progress(self, run_id: str) -> Progress | None:
        """Where an open run stands; None once it has ended."""
        run = self.runs.get(run_id)
        return None if run is None else run.progress(self.scheduler.progress(run_id))

    def _finish(self, command: Finish) -> None:
        last = self.progress(command.run)
        run = self.runs.pop(command.run)
        self.hold.remove(run.id)
        if self.skew is not None:
            self.skew.run_over(run.id)
        error: PcmError | None = run.damaged
        if command.outcome == "failed" and error is None:
            error = RunError(
                f"run {run.handle.name} failed: {command.error}{run.last_error_text()}"
            )
        self._finishing = [other for other in self._finishing if not other.handle.done]
        self._finishing.append(run)
        run.finish("failed" if error else command.outcome, error, last)
