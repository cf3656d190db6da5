"""Runs from opening to Finish: one Finish for each, after which nothing more happens to it."""

from __future__ import annotations

from pcm.core.basis import Basis
from pcm.core.commands import Finish, Ranges, RunOutcome
from pcm.core.context import Context
from pcm.core.events import RunOpened
from pcm.core.leases import Leases
from pcm.core.run import Ended, Run


class Runs:
    def __init__(self, basis: Basis, leases: Leases) -> None:
        self._state, self._estimates, self._orders = basis.state, basis.estimates, basis.orders
        self._leases = leases
        self._changed: dict[str, Run] = {}
        self._to_fail: dict[str, tuple[Run, str]] = {}

    def get(self, id_: str) -> Run | None:
        """None if it is over. Raises ValueError if it was never opened."""
        run = self._state.runs.get(id_)
        if run is None and id_ not in self._state.ended:
            raise ValueError(f"run {id_} was never opened")
        return run

    def open(self, event: RunOpened, context: Context, now: float) -> None:
        state = self._state
        if event.run in state.runs or event.run in state.ended:
            raise ValueError(f"run {event.run} was opened before")
        run = Run(event.run, event, len(state.runs) + len(state.ended), context.id, now)
        # It starts level with the least served: it owes nothing, and nobody owes it the past.
        served = [r.served_seconds for c in state.contexts.values() for r in c.runs.values()]
        run.served_seconds = min(served, default=0.0)
        state.runs[run.id] = run
        context.runs[run.id] = run
        self._estimates.opened(run)
        self.changed(run)

    def pause(self, run: Run) -> None:
        run.paused = True
        self.changed(run)

    def unpause(self, run: Run) -> None:
        """It goes on level with the least served: its pause is no debt of the others."""
        if run.paused:
            run.paused = False
            context = self._state.contexts[run.context]
            others = list(self._state.demand.values())
            least = min((other.served_seconds for other in others), default=run.served_seconds)
            run.served_seconds = max(run.served_seconds, least)
            if not any(other.context == run.context for other in others):
                context.starved_since = None
            self.changed(run)

    def reopen(self, run: Run, ranges: Ranges) -> None:
        """Raises IndexError for items that the run does not have."""
        if ranges and max(stop for _, stop in ranges) > len(run.items):
            raise IndexError(f"run {run.id} has {len(run.items)} items, not those of {ranges}")
        run.items.reopen(ranges)
        self.changed(run)

    def changed(self, run: Run) -> None:
        """Some of its items or its being closed changed: it may be done."""
        self._state.index_demand(run)
        self._changed[run.id] = run

    def fail(self, run: Run, error: str) -> None:
        """End the run as failed, before this event is done with."""
        if run.ending is None and run.outcome is None and run.id not in self._to_fail:
            self._to_fail[run.id] = (run, error)

    def end(self, run: Run, outcome: RunOutcome, error: str, now: float) -> None:
        """Take back what is in flight; the run finishes when that is back."""
        if run.ending is not None or run.outcome is not None:
            return
        run.ending = (outcome, error)
        run.items.clear()
        run.suspects.clear()
        for batch in list(run.batches.values()):
            self._leases.cancel(batch, "cancelled", now)
        self.changed(run)

    def finish_those_done(self, now: float) -> None:
        while self._to_fail:
            run, error = self._to_fail.pop(next(iter(self._to_fail)))
            self.end(run, "failed", error, now)
        changed, self._changed = self._changed, {}
        for run in changed.values():
            if run.outcome is None and all(batch.beaten for batch in run.batches.values()):
                if run.ending is not None:
                    self._finish(run, *run.ending)
                elif run.closed and not run.items.waiting and not run.items.in_flight:
                    self._finish(run, "completed", "")

    def _finish(self, run: Run, outcome: RunOutcome, error: str) -> None:
        run.outcome = outcome
        state, items = self._state, run.items
        state.ended[run.id] = Ended(
            run.context, len(items), items.finished, items.failed, items.waiting
        )
        del state.runs[run.id]
        if run.batches:
            state.lingering[run.id] = run
        del state.contexts[run.context].runs[run.id]
        state.index_demand(run)
        self._estimates.closed(run)
        self._orders.add(Finish(run.id, outcome, self._orders.cause, error))
