"""Which replicas keep the state of a task's own beginning, and what computing it anew costs.

A model that stays loaded keeps the KV state of the prefix that a task's prompts share. Workers say
with each batch of which tasks they keep it. The first batch of a task on a replica without it takes
longer by what it costs, so a batch goes to those that have it, where that ends sooner; and while
runs of several tasks want a worker, one that keeps the state of some of them works for these until
another has fallen behind by so much that the change pays.
"""

from __future__ import annotations

from pcm.core.basis import Basis
from pcm.core.batch import Batch
from pcm.core.events import BatchDone
from pcm.core.run import Run
from pcm.core.worker import Worker


class Prefixes:
    def __init__(self, basis: Basis) -> None:
        self._state, self._policy, self._estimates = basis.state, basis.policy, basis.estimates

    def measure(self, run: Run, batch: Batch, worker: Worker, event: BatchDone) -> None:
        """Learn the run's rate on the worker from a batch, or what its prefix costs there.

        Batches that computed a prefix stand for the rate until there is one that did not; then they
        tell what the prefix took.
        """
        replica = worker.replicas.get(batch.context)
        was_kept = replica is not None and run.task in replica.kept
        if replica is not None and event.kept is not None:
            replica.kept = frozenset(event.kept)
        if run.outcome is not None:
            return
        with_prefix = replica is not None and run.task in replica.kept and not was_kept
        if with_prefix and run.pure:
            self._observe(run, worker, event.run_seconds, batch.cost)
            return
        if with_prefix:
            run.with_prefix.append((worker, event.run_seconds, batch.cost))
        elif was_kept and not run.pure:
            run.pure = True
            if run.with_prefix:
                self._estimates.opened(run)
        if batch.started_at is None or batch.started_at >= worker.skew_since:
            self._estimates.speeds(run).observe(worker, event.run_seconds, batch.cost)
        if run.pure:
            for earlier in run.with_prefix:
                self._observe(run, *earlier)
            run.with_prefix.clear()

    def _observe(self, run: Run, worker: Worker, seconds: float, cost: float) -> None:
        rest = seconds - cost * (self._estimates.speeds(run).on(worker) or 0.0)
        self._estimates.prefix_computed(run, worker.capacity.kind, max(0.0, rest))

    def seconds(self, run: Run, worker: Worker) -> float:
        """What a batch takes longer there because the state is not, nor is about to be."""
        if not run.pure or self._has(run, worker):
            return 0.0
        return self._estimates.prefix_seconds(run, worker.capacity.kind)

    def belongs_to_another(self, run: Run, worker: Worker) -> bool:
        """Whether a worker is left to a run whose state it keeps, rather than change to this."""
        if not self._policy.heed_prefixes or len(self._state.demand) < 2:
            return False
        replica = worker.replicas.get(run.context)
        if replica is None or not replica.kept or self._has(run, worker):
            return False
        change = self._policy.turn_loads * self.seconds(run, worker)
        return any(
            other.context == run.context
            and other.task in replica.kept
            and other.served_seconds - run.served_seconds < self._lead(other, change)
            for other in self._state.demand.values()
        )

    def _lead(self, other: Run, change_seconds: float) -> float:
        """By how much it may be ahead. One of which every batch computed its prefix so far is given
        another, which shows what a change costs."""
        if not other.pure:
            return 2.0 * max((seconds for _, seconds, _ in other.with_prefix), default=0.0)
        return change_seconds

    @staticmethod
    def _has(run: Run, worker: Worker) -> bool:
        replica = worker.replicas.get(run.context)
        if replica is None or run.task in replica.kept:
            return True
        return any(batch.run == run.id for batch in worker.queues.get(run.context, ()))
