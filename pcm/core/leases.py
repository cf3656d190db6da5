"""Deadlines: a batch that makes no progress is taken back, a worker that does not answer is killed.

A lease counts from the moment the batch is first in its replica's queue, and anew from every item
that has an outcome.
"""

from __future__ import annotations

from pcm.core.basis import Basis
from pcm.core.batch import Batch
from pcm.core.commands import Cancel, Retire
from pcm.core.items import Cut
from pcm.core.provisioning import Provisioning
from pcm.core.run import Run
from pcm.core.worker import Worker


class Leases:
    def __init__(self, basis: Basis, provisioning: Provisioning) -> None:
        self._state, self._policy, self._alarms = basis.state, basis.policy, basis.alarms
        self._lifecycle, self._orders = basis.lifecycle, basis.orders
        self._provisioning = provisioning

    @property
    def floor_seconds(self) -> float:
        """No batch is taken back for lack of progress before this."""
        return self._policy.lease_floor_seconds

    def patience_seconds(self, run: Run, cut: Cut, predicted_seconds: float | None) -> float:
        """How long a batch may go without an outcome.

        The user's bound is for one item: a batch whose task gives its results at the end has as
        many times that as it has items; one that streams has it for each.
        """
        policy = self._policy
        bound = run.opened.item_timeout_seconds
        if bound is not None:
            return bound * (1 if run.streams else cut.size) + policy.timeout_slack_seconds
        if predicted_seconds is None:
            patience = policy.first_lease_seconds
        else:
            patience = max(policy.lease_floor_seconds, policy.lease_factor * predicted_seconds)
        if run.suspects.records and cut.size == 1:
            record = run.suspects.records.get(cut.ranges[0][0])
            if record is not None:
                patience *= policy.lease_growth**record.slow
        return patience

    def check(self, worker_id: str, now: float) -> None:
        """The worker's lease alarm went off: look at what it runs, and set the next alarm."""
        worker = self._state.workers.get(worker_id)
        for queue in list(worker.queues.values()) if worker else ():
            for batch in [b for b in queue if b.deadline is not None and b.deadline <= now]:
                if batch.status == "running":
                    self.cancel(batch, "deadline", now)
                else:
                    batch.deadline = None
                    self.end_worker(worker_id, f"batch {batch.id} was not given back in time")
        deadlines = [
            batch.deadline
            for queue in (worker.queues.values() if worker else ())
            for batch in queue
            if batch.deadline is not None
        ]
        if deadlines:
            self._alarms.set(("lease", worker_id), min(deadlines))

    def cancel(self, batch: Batch, reason: str, now: float) -> None:
        """Take a batch back; its worker has a grace period to answer."""
        if batch.status == "cancelling":
            return
        self._lifecycle.batch(batch, "cancelling", now)
        batch.cancel_reason = "deadline" if reason == "deadline" else "cancelled"
        batch.deadline = now + self._policy.cancel_grace_seconds
        if reason == "cancelled" and batch.started_at is not None:
            self._state.workers[batch.worker].pardoned.add(batch.context)
        self._alarms.set(("lease", batch.worker), batch.deadline)
        self._orders.add(Cancel(batch.id, batch.worker, self._orders.cause, batch.cancel_reason))

    def watch_replicas(self, worker: Worker, now: float) -> None:
        """A load or an eviction was ordered: it must be answered in time."""
        self._alarms.set(("replica", worker.id), now + self._policy.load_lease_seconds)

    def check_replicas(self, worker_id: str, now: float) -> None:
        worker = self._state.workers.get(worker_id)
        if worker is None:
            return
        waits = [r for r in worker.replicas.values() if r.status not in ("warm", "parked")]
        for replica in waits:
            if replica.since + self._policy.load_lease_seconds <= now:
                what = "loading" if replica.status == "loading" else "giving up"
                self.end_worker(worker_id, f"{what} context {replica.context} took too long")
                return
        if waits:
            self._alarms.set(
                ("replica", worker_id),
                min(r.since for r in waits) + self._policy.load_lease_seconds,
            )

    def end_worker(self, worker_id: str, reason: str) -> None:
        """It does not answer: kill it. What it held comes back when it has left."""
        worker = self._state.workers[worker_id]
        self._orders.add(Retire(worker_id, self._orders.cause, reason, force=True))
        self._provisioning.withdraw(worker, reason)
