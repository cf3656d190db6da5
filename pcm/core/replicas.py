"""What workers tell of the contexts that they hold: which change it is, and what is learnt by it.

A word may have crossed with an order: what an order has overtaken is not heeded.
"""

from __future__ import annotations

from pcm.core.ahead import Ahead
from pcm.core.basis import Basis
from pcm.core.context import Context
from pcm.core.events import ReplicaChanged
from pcm.core.worker import Replica, Worker


class Replicas:
    def __init__(self, basis: Basis, ahead: Ahead) -> None:
        self._state, self._estimates = basis.state, basis.estimates
        self._lifecycle, self._ahead = basis.lifecycle, ahead

    def changed(self, worker: Worker, context: Context, event: ReplicaChanged, now: float) -> None:
        replica = worker.replicas.get(context.id)
        if event.tier == "absent" or event.status == "failed":
            self._absent(worker, context, now)
        elif replica is not None and replica.status == "draining":
            pass  # it has crossed with our order to give it up
        elif replica is None and worker.ahead == context.id:
            if event.tier == "disk" and event.status == "warm":
                self._ahead.arrived(worker, context, now)
        elif event.tier == "disk" and event.status == "warm":
            pass  # its files have crossed with our order to load them, or to let them go
        elif event.status == "parked":
            self._parked(worker, context, event, now)
        else:
            self._present(worker, context, event, now)

    def _absent(self, worker: Worker, context: Context, now: float) -> None:
        replica = worker.replicas.get(context.id)
        if replica is not None:
            if replica.status == "offloading":
                context.stuck = True
            self._lifecycle.replica(worker, context, "absent", now)
        if worker.ahead == context.id:
            self._state.forget_ahead(worker)

    def _parked(self, worker: Worker, context: Context, event: ReplicaChanged, now: float) -> None:
        replica = worker.replicas.get(context.id)
        if replica is None or replica.status == "offloading":
            self._lifecycle.replica(worker, context, "parked", now)
            replica = worker.replicas[context.id]
            replica.memory_bytes, replica.host_bytes = event.memory_bytes, event.host_bytes
            context.parked_bytes = event.memory_bytes
            context.host_bytes = max(context.host_bytes, event.host_bytes)

    def _present(self, worker: Worker, context: Context, event: ReplicaChanged, now: float) -> None:
        """It loads, or is warm."""
        if event.memory_bytes:
            context.memory_bytes = max(context.memory_bytes, event.memory_bytes)
        replica = worker.replicas.get(context.id)
        if event.status in ("staging", "loading"):
            if replica is None or replica.status in ("warm", "parked"):
                self._lifecycle.replica(worker, context, "loading", now)
            self._staging(worker.replicas[context.id], context, event, now)
        elif event.status == "warm" and replica is not None and replica.status == "offloading":
            context.stuck = True
            self._lifecycle.replica(worker, context, "warm", now)
        elif event.status == "warm" and (replica is None or replica.status == "loading"):
            returned = replica is not None and replica.returning
            self._lifecycle.replica(worker, context, "warm", now)
            worker.pardoned.discard(context.id)
            context.parks = event.parks
            tell = self._estimates.returned if returned else self._estimates.loaded
            tell(context, worker.capacity.kind, event.seconds)
        here = worker.replicas[context.id]
        here.memory_bytes = max(here.memory_bytes, event.memory_bytes)

    def _staging(
        self, replica: Replica, context: Context, event: ReplicaChanged, now: float
    ) -> None:
        if event.status == "staging":
            replica.staged_since = now if replica.staged_since is None else replica.staged_since
        elif replica.staged_since is not None:
            self._estimates.staged(context, now - replica.staged_since)
            replica.staged_since = None
