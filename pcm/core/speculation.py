"""A late batch is run a second time where nobody has anything better to do; the first result wins.

When nothing of a run waits, an idle worker that has its context warm takes a copy of the batch that
would otherwise end last, if it is predicted to end it in well under the time that the other still
needs, and that is a second or more, or a fiftieth of the time that the run has taken so far. A
batch is predicted to need what is left of it at its worker's measured speed; one that is late is
held to need as long again as it is late. On a worker that telemetry says is slow nobody is sure: it
is helped by whoever is not, if only he is faster, and when it is late it may take as long again as
it has taken. What is left of a batch are its items without an outcome:
of a copied batch each item is in flight twice, and its first outcome is that of both.
The one that comes second holds nobody up; it is taken back if it would go on for longer than its
context takes to load again, and than a lease. Suspects are not copied, or a killer would end two
workers. (Backup tasks: Dean and Ghemawat 2004.)
"""

from __future__ import annotations

from pcm.core.basis import Basis
from pcm.core.batch import Batch
from pcm.core.commands import Score
from pcm.core.items import Cut, spans_of
from pcm.core.leases import Leases
from pcm.core.run import Run
from pcm.core.worker import Worker

SHORTEST_LOOK_SECONDS = 0.02
"""Batches are not watched more often than this."""


class Speculation:
    def __init__(self, basis: Basis, leases: Leases) -> None:
        self._state, self._policy, self._estimates = basis.state, basis.policy, basis.estimates
        self._alarms, self._leases = basis.alarms, leases

    def candidate(self, run: Run, among: list[Batch], worker: Worker, now: float) -> Batch | None:
        """Of these batches of the run's context, the one that this idle worker should run as well,
        if there is one."""
        policy, speeds = self._policy, self._estimates.speeds(run)
        seconds_per_cost = speeds.on(worker)
        if seconds_per_cost is None or not policy.speculate:
            return None
        age_seconds = now - run.opened_at
        shortest = min(policy.speculation_seconds, policy.speculation_share * age_seconds)
        best, best_remaining = None, 0.0
        for batch in among:
            if batch.run != run.id or not self._may_be_copied(run, batch, worker):
                continue
            remaining = self._remaining_seconds(run, batch, now)
            cost = batch.cost * batch.open / batch.count
            own = cost * seconds_per_cost + self._estimates.overhead_seconds
            owner = self._state.workers[batch.worker]
            gain = 1.0 if owner.skew > 1.0 >= worker.skew else policy.speculation_gain
            least = max(own * gain, shortest, best_remaining)
            if remaining > least:
                best, best_remaining = batch, remaining
        if best is None and run.batches:
            # Some may be late by then.
            pause = min(policy.watch_seconds, max(shortest, SHORTEST_LOOK_SECONDS))
            self._alarms.set(("look", run.id), now + pause)
        return best

    def copy_of(self, run: Run, batch: Batch) -> Cut:
        """What is left of it, as a batch of its own."""
        items = batch.open_items()
        cost = sum(run.items.cost(start, stop) for start, stop in spans_of(items))
        return Cut(tuple(spans_of(items)), batch.attempt + 1, len(items), cost)

    def why(
        self, run: Run, batch: Batch, copy: Cut, worker: Worker, now: float
    ) -> tuple[Score, ...]:
        """The copy's terms, then those of the batch where it is."""
        work = copy.cost * (self._estimates.speeds(run).on(worker) or 0.0)
        remaining = self._remaining_seconds(run, batch, now)
        return (Score(worker.id, 0.0, 0.0, work), Score(batch.worker, 0.0, 0.0, remaining))

    def _may_be_copied(self, run: Run, batch: Batch, worker: Worker) -> bool:
        return (
            batch.twin is None
            and batch.status in ("queued", "running")
            and batch.open > 0
            and batch.worker != worker.id
            and not (
                run.suspects.records
                and any(item in run.suspects.records for item in batch.open_items())
            )
        )

    def _remaining_seconds(self, run: Run, batch: Batch, now: float) -> float:
        """Until the batch is predicted to end where it is."""
        owner = self._state.workers[batch.worker]
        predicted = batch.predicted_seconds
        if predicted is None:  # It was sent before anything was known.
            predicted = batch.cost * (self._estimates.speeds(run).on(owner) or 0.0)
        left = predicted * batch.open / batch.count
        if batch.started_at is None:
            return owner.free_in(now)
        if run.streams and batch.open < batch.count:
            elapsed = now - batch.started_at
            return elapsed * batch.open / (batch.count - batch.open)
        elapsed = now - batch.started_at
        if elapsed > left and owner.skew > 1.0:
            return elapsed
        return abs(left - elapsed)
