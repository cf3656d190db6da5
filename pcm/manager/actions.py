"""What people ask of a manager at work, done and written down."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from pcm.control.messages import (
    Answer,
    AnyRequest,
    Cancel,
    Drain,
    Pause,
    RetryFailed,
    Unpause,
    request,
)
from pcm.core.events import (
    Event,
    ItemsReopened,
    RunCancelled,
    RunPaused,
    RunUnpaused,
    WorkerDrained,
)
from pcm.core.items import spans_of
from pcm.core.views import WorkerView
from pcm.durations import counted
from pcm.errors import InputError
from pcm.journal.entries import ActionKind, ActionTaken

if TYPE_CHECKING:
    from pcm.manager.active import ActiveRun
    from pcm.manager.loop import Loop

PROGRAM = "program"
"""Who asks by the Python API."""


class Decision(NamedTuple):
    """What is answered, and what the core is told."""

    answer: Answer
    event: Event | None = None


class Actions:
    """Who asks may be in any thread, and waits; what is done is done in the loop's."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def asked(self, asked: AnyRequest, by: str) -> Answer:
        """``by``: who asks, for people. Raises RunError if the manager has stopped."""
        return self._loop.ask(lambda: self._do(asked, by))

    def by_program(self, action: ActionKind, run: str) -> Answer:
        return self.asked(request(action, run), PROGRAM)

    def drain_by_program(self, worker: str) -> None:
        """Raises InputError if there is no such worker."""
        runs = self._loop.runs
        answer = self._loop.ask(lambda: self._drain(worker, PROGRAM, list(runs.values())))
        if not answer.done:
            raise InputError(answer.text, field="worker", mend="give one of workers()")

    # -- in the loop's thread --------------------------------------------------------------------

    def _do(self, asked: AnyRequest, by: str) -> Answer:
        run = self._loop.runs.get(asked.run)
        if run is None:
            return Answer(False, "the manager is not at work on that run (any more)")
        action: ActionKind
        match asked:
            case Pause():
                action, decision = "pause", self._pause(run)
            case Unpause():
                action, decision = "unpause", self._unpause(run)
            case Cancel():
                action, decision = "cancel", self._cancel(run)
            case RetryFailed():
                action, decision = "retry_failed", self._retry_failed(run)
            case Drain():
                return self._drain(asked.worker, by, [run])
        # First, since a run that ends by it is somebody else's from then on.
        self._write(action, run, by, decision.answer)
        if decision.event is not None:
            self._loop.tell(decision.event)
        return decision.answer

    def _drain(self, worker: str, by: str, runs: list[ActiveRun]) -> Answer:
        """``runs``: in whose logs it is written down who wanted it."""
        decision = self._leaving(worker)
        for run in runs:
            self._write("drain", run, by, decision.answer, worker)
        if decision.event is not None:
            self._loop.tell(decision.event)
        return decision.answer

    def _write(
        self, action: ActionKind, run: ActiveRun, by: str, answer: Answer, worker: str = ""
    ) -> None:
        self._loop.note(
            ActionTaken(
                action=action,
                run=run.id,
                worker=worker,
                by=by,
                done=answer.done,
                text=answer.text,
            )
        )

    # -- runs ------------------------------------------------------------------------------------

    def _pause(self, run: ActiveRun) -> Decision:
        progress = self._loop.scheduler.progress(run.id)
        if progress.paused:
            return Decision(Answer(True, "the run is paused already"))
        flying = counted(progress.in_flight, "item")
        text = f"the run is paused; {flying} in flight will still be computed"
        return Decision(Answer(True, text), RunPaused(run.id))

    def _unpause(self, run: ActiveRun) -> Decision:
        progress = self._loop.scheduler.progress(run.id)
        if not progress.paused:
            return Decision(Answer(True, "the run is not paused"))
        text = f"the run goes on; {counted(progress.waiting, 'item')} waiting"
        return Decision(Answer(True, text), RunUnpaused(run.id))

    def _cancel(self, run: ActiveRun) -> Decision:
        progress = self._loop.scheduler.progress(run.id)
        done = progress.finished + progress.failed
        again = f"pcm resume {shlex.quote(str(run.opened.directory))}"
        of_all = counted(progress.items, "item")
        text = f"the run is cancelled; {done:,} of {of_all} are done and kept; go on with: {again}"
        return Decision(Answer(True, text), RunCancelled(run.id))

    def _retry_failed(self, run: ActiveRun) -> Decision:
        items: list[int] = []
        failed = self._loop.scheduler.progress(run.id).failed
        if not self._loop.guarded(run, lambda: items.extend(run.reopen_failed(failed))):
            return Decision(Answer(False, f"the run's journal cannot be written: {run.damaged}"))
        if not items:
            return Decision(Answer(True, "no item of the run has failed"))
        text = f"{counted(len(items), 'failed item')} will be tried again"
        answer = Answer(True, text, len(items))
        return Decision(answer, ItemsReopened(run.id, tuple(spans_of(items))))

    # -- workers ---------------------------------------------------------------------------------

    def _leaving(self, worker: str) -> Decision:
        views = {view.worker: view for view in self._loop.scheduler.worker_views()}
        view = views.get(worker)
        if view is None:
            return Decision(Answer(False, f"there is no worker {worker!r}"))
        if not view.available:
            return Decision(Answer(True, f"worker {worker} is about to leave: {view.going}"))
        return Decision(Answer(True, self._drained(view)), WorkerDrained(worker))

    def _drained(self, view: WorkerView) -> str:
        when = "leaves now"
        if view.batches:
            items = counted(view.items_in_flight, "item")
            when = f"gets nothing more, and leaves when its {items} in flight are computed"
        text = f"worker {view.worker} {when}"
        if view.capacity.pool == self._loop.engine.pool:
            text += "; the manager starts another if it is to keep a number of them"
        return text
