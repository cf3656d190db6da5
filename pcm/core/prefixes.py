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

    def done(self, run: Run, batch: Batch, worker: Worker, event: BatchDone) -> float:
        """Learn from a batch; gives the part of its time that went into the prefix, in seconds."""
        replica = worker.replicas.get(batch.context)
        if replica is None or (event.kept is None and not replica.kept):
            return 0.0
        was_kept = run.task in replica.kept
        if event.kept is not None:
            replica.kept = frozenset(event.kept)
        seconds_per_cost = self._estimates.speeds(run).on(worker)
        if was_kept or run.task not in replica.kept or seconds_per_cost is None:
            return 0.0
        longer = max(0.0, event.run_seconds - batch.cost * seconds_per_cost)
        self._estimates.prefix_computed(run, worker.capacity.kind, longer)
        return longer

    def seconds(self, run: Run, worker: Worker) -> float:
        """What a batch takes longer there because the state is not, nor is about to be."""
        replica = worker.replicas.get(run.context)
        if replica is None or run.task in replica.kept:
            return 0.0
        if any(batch.run == run.id for batch in worker.queues.get(run.context, ())):
            return 0.0
        return self._estimates.prefix_seconds(run, worker.capacity.kind)

    def belongs_to_another(self, run: Run, worker: Worker) -> bool:
        """Whether a worker is left to a run whose state it keeps, rather than change to this."""
        if not self._policy.heed_prefixes or len(self._state.demand) < 2:
            return False
        seconds = self.seconds(run, worker)
        if not seconds:
            return False
        lead = self._policy.turn_loads * seconds
        kept = worker.replicas[run.context].kept
        return any(
            other.task in kept
            and other.context == run.context
            and other.served_seconds - run.served_seconds < lead
            for other in self._state.demand.values()
        )
