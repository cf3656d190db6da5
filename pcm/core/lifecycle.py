"""The legal changes of replicas and batches: one named transition each, all indexes kept.

Replica: absent -> loading -> warm -> draining -> absent, or warm -> offloading -> parked -> loading
again, or parked -> draining; and from any of them to absent when it dies. Batch: queued -> running
-> ended, with cancelling in between where it is taken back. Any other change raises
InvalidTransition with the recent story of that worker or batch.
"""

from __future__ import annotations

from pcm.core.alarms import Alarms
from pcm.core.batch import Batch, BatchStatus
from pcm.core.context import Context
from pcm.core.state import State
from pcm.core.story import InvalidTransition, Story
from pcm.core.worker import Replica, ReplicaState, Worker


class Lifecycle:
    def __init__(self, state: State, alarms: Alarms, story: Story) -> None:
        self._state, self._alarms, self._story = state, alarms, story
        self._of_replica = {
            ("absent", "loading"): self._replica_absent_loading,
            ("absent", "warm"): self._replica_absent_warm,
            ("loading", "warm"): self._replica_loading_warm,
            ("loading", "draining"): self._replica_any_draining,
            ("loading", "absent"): self._replica_any_absent,
            ("warm", "loading"): self._replica_warm_loading,
            ("warm", "draining"): self._replica_any_draining,
            ("warm", "absent"): self._replica_any_absent,
            ("draining", "absent"): self._replica_any_absent,
            ("warm", "offloading"): self._replica_warm_offloading,
            ("offloading", "parked"): self._replica_offloading_parked,
            ("offloading", "warm"): self._replica_loading_warm,
            ("offloading", "absent"): self._replica_any_absent,
            ("absent", "parked"): self._replica_absent_parked,
            ("parked", "loading"): self._replica_parked_loading,
            ("parked", "draining"): self._replica_any_draining,
            ("parked", "absent"): self._replica_any_absent,
        }
        self._of_batch = {
            ("queued", "running"): self._batch_queued_running,
            ("queued", "cancelling"): self._batch_any_cancelling,
            ("running", "cancelling"): self._batch_any_cancelling,
            ("queued", "ended"): self._batch_any_ended,
            ("running", "ended"): self._batch_any_ended,
            ("cancelling", "ended"): self._batch_any_ended,
        }

    # -- replicas --------------------------------------------------------------------------------

    def replica(self, worker: Worker, context: Context, status: ReplicaState, now: float) -> None:
        """Raises InvalidTransition unless the replica can come to this status."""
        present = worker.replicas.get(context.id)
        before: ReplicaState = present.status if present else "absent"
        transition = self._of_replica.get((before, status))
        if transition is None:
            raise InvalidTransition(
                f"context {context.name} on worker {worker.id} cannot go from {before} to {status}",
                self._story.about(worker=worker.id),
            )
        transition(worker, context, now)
        self._state.index_replicas(worker)

    def _replica_absent_loading(self, worker: Worker, context: Context, now: float) -> None:
        needs = context.needs_on(worker.capacity)
        worker.replicas[context.id] = Replica(context.id, "loading", now, needs)
        if worker.ahead == context.id:
            self._state.forget_ahead(worker)
        context.holders += 1

    def _replica_absent_warm(self, worker: Worker, context: Context, now: float) -> None:
        """It was there before we asked for it."""
        self._replica_absent_loading(worker, context, now)
        self._replica_loading_warm(worker, context, now)

    def _replica_loading_warm(self, worker: Worker, context: Context, now: float) -> None:
        worker.replicas[context.id].become("warm", now).returning = False
        context.loaded_at = now

    def _replica_warm_loading(self, worker: Worker, context: Context, now: float) -> None:
        """The worker has started it anew by itself."""
        worker.replicas[context.id].become("loading", now)

    def _replica_warm_offloading(self, worker: Worker, context: Context, now: float) -> None:
        self._unused(worker, context).become("offloading", now)

    def _replica_offloading_parked(self, worker: Worker, context: Context, now: float) -> None:
        worker.replicas[context.id].become("parked", now)

    def _replica_absent_parked(self, worker: Worker, context: Context, now: float) -> None:
        """It was there before we asked for it."""
        self._replica_absent_loading(worker, context, now)
        self._replica_offloading_parked(worker, context, now)

    def _replica_parked_loading(self, worker: Worker, context: Context, now: float) -> None:
        replica = worker.replicas[context.id].become("loading", now)
        replica.returning = True
        replica.memory_bytes = context.needs_on(worker.capacity)

    def _replica_any_draining(self, worker: Worker, context: Context, now: float) -> None:
        self._unused(worker, context).become("draining", now)

    def _unused(self, worker: Worker, context: Context) -> Replica:
        if worker.queues.get(context.id):
            raise InvalidTransition(
                f"context {context.name} on worker {worker.id} is in use and cannot be given up",
                self._story.about(worker=worker.id),
            )
        return worker.replicas[context.id]

    def _replica_any_absent(self, worker: Worker, context: Context, now: float) -> None:
        del worker.replicas[context.id]
        context.holders -= 1

    # -- batches ---------------------------------------------------------------------------------

    def dispatch(self, batch: Batch, worker: Worker, now: float) -> None:
        """A new batch joins its replica's queue."""
        if not (worker.available and worker.is_warm(batch.context)):
            raise InvalidTransition(
                f"batch {batch.id} cannot go to worker {worker.id}: its context is not warm there",
                self._story.about(worker=worker.id),
            )
        state = self._state
        queue = worker.queues.setdefault(batch.context, [])
        queue.append(batch)
        worker.live += 1
        state.batches[batch.id] = batch
        state.runs[batch.run].batches[batch.id] = batch
        if len(queue) == 1:
            self.batch(batch, "running", now)
        state.index_queue(worker)

    def batch(self, batch: Batch, status: BatchStatus, now: float) -> None:
        """Raises InvalidTransition unless the batch can come to this status."""
        transition = self._of_batch.get((batch.status, status))
        if transition is None:
            raise InvalidTransition(
                f"batch {batch.id} cannot go from {batch.status} to {status}",
                self._story.about(batch=batch.id),
            )
        transition(batch, now)
        batch.status = status

    def _batch_queued_running(self, batch: Batch, now: float) -> None:
        batch.started_at = now
        self.extend(batch, now)

    def _batch_any_cancelling(self, batch: Batch, now: float) -> None:
        pass

    def _batch_any_ended(self, batch: Batch, now: float) -> None:
        state = self._state
        batch.part()
        worker = state.workers[batch.worker]
        queue = worker.queues[batch.context]
        queue.remove(batch)
        worker.live -= 1
        del state.batches[batch.id]
        run = state.run_of(batch)
        del run.batches[batch.id]
        if not run.batches:
            state.lingering.pop(run.id, None)
        if not queue:
            del worker.queues[batch.context]
        elif queue[0].status == "queued":
            self.batch(queue[0], "running", now)
        state.index_queue(worker)

    def extend(self, batch: Batch, now: float) -> None:
        """The batch has begun or got on: its lease counts from now."""
        batch.deadline = now + batch.patience_seconds
        self._alarms.set(("lease", batch.worker), batch.deadline)
