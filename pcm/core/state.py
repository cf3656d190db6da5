"""Everything the core knows, with the indexes that make decisions cheap.

Only ``pcm.core.lifecycle`` changes the status of replicas and batches; the indexes follow from the
workers by ``index_replicas`` and ``index_queue``, which are idempotent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pcm.core.batch import Batch
from pcm.core.context import Context
from pcm.core.events import PoolOffered
from pcm.core.run import Ended, Run
from pcm.core.worker import Signature, Worker


@dataclass(slots=True)
class Pool:
    name: str
    wanted: int | None = None
    """None until somebody said how many workers there shall be."""
    active: int = 0
    """Available workers."""
    pending: int = 0
    """Workers asked for that have not come."""
    short_stays: int = 0
    """Workers in a row that did not come, or went before they were of use: the next is asked for
    later and later."""
    failed_starts: int = 0
    """Those of them that nobody took back: the pool itself may be why."""
    last_reason: str = ""
    halted: bool = False
    """No more are asked for until somebody opens a run or sizes the pool."""

    @property
    def complete(self) -> bool:
        return self.halted or (
            self.pending == 0 and (self.wanted is None or self.active >= self.wanted)
        )


@dataclass(slots=True)
class ElasticPool:
    """What an offered pool has besides what every pool has."""

    offer: PoolOffered
    coming: int = 0
    wait_seconds: float | None = None
    wanted: int = 0
    """Workers in all that were asked for last."""
    fewer_since: float | None = None
    """Since when fewer would do."""
    kinds: dict[str, int] = field(default_factory=dict)
    """Kinds of the workers that have come, ever."""


@dataclass(slots=True)
class State:
    prefetch_below_seconds: float = 1.0
    workers: dict[str, Worker] = field(default_factory=dict)
    contexts: dict[str, Context] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    """Those that are not over."""
    lingering: dict[str, Run] = field(default_factory=dict)
    """Those that are over, while a beaten batch of theirs still runs."""
    batches: dict[int, Batch] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    elastic: dict[str, ElasticPool] = field(default_factory=dict)
    """Those of the pools whose size the core chooses."""
    groups: dict[Signature, dict[str, None]] = field(default_factory=dict)
    """Available workers by signature."""
    spare: dict[Signature, dict[str, None]] = field(default_factory=dict)
    """Those of them that have no batch, are not changing what they hold, and are not reserved."""
    reserved: dict[str, None] = field(default_factory=dict)
    """Workers that are reserved for a context."""
    drained: dict[str, None] = field(default_factory=dict)
    """Workers that go at their user's wish when they have ended what they were given."""
    ahead: dict[str, None] = field(default_factory=dict)
    """Workers that were brought files of contexts which they do not load yet."""
    demand: dict[str, Run] = field(default_factory=dict)
    """Runs with waiting items that are not paused."""
    ended: dict[str, Ended] = field(default_factory=dict)
    """What is still asked about runs that are over: a few numbers each, for good."""
    joined: int = 0
    batches_made: int = 0
    contexts_made: int = 0

    # -- indexes ---------------------------------------------------------------------------------

    def index_replicas(self, worker: Worker) -> None:
        """Call after a change of a worker's replicas or of its being available."""
        worker.unsettled = 0
        for replica in worker.replicas.values():
            if replica.status not in ("warm", "parked"):
                worker.unsettled += 1
        for context in self.contexts.values() if not worker.available else self._around(worker):
            replica_ = worker.replicas.get(context.id) if worker.available else None
            status = replica_.status if replica_ else "absent"
            was = worker.id in context.warm or worker.id in context.loading
            _put(context.warm, worker.id, status == "warm")
            _put(context.loading, worker.id, status == "loading")
            _put(context.parked, worker.id, status == "parked")
            change = (status in ("warm", "loading")) - was
            if change:
                kind = worker.capacity.kind
                context.serving[kind] = context.serving.get(kind, 0) + change
                if not context.serving[kind]:
                    del context.serving[kind]
        group = self.groups.setdefault(worker.signature, {})
        _put(group, worker.id, worker.available)
        if not group:
            del self.groups[worker.signature]
        self.index_queue(worker)

    def _around(self, worker: Worker) -> list[Context]:
        """Contexts whose indexes may speak of an available worker."""
        return [
            context
            for context in self.contexts.values()
            if context.id in worker.replicas
            or worker.id in context.warm
            or worker.id in context.loading
            or worker.id in context.parked
        ]

    def index_queue(self, worker: Worker) -> None:
        """Call after a change of a worker's queues."""
        ready = worker.available and worker.reserved is None
        soon = ready and worker.live == 1 and self._is_short(worker)
        free = ready and worker.live == 0
        spare = self.spare.get(worker.signature)
        if free and not worker.unsettled:
            if spare is None:
                spare = self.spare[worker.signature] = {}
            spare[worker.id] = None
        elif spare is not None and worker.id in spare:
            del spare[worker.id]
            if not spare:
                del self.spare[worker.signature]
        for id_, replica in worker.replicas.items():
            if replica.status != "warm":
                continue
            context = self.contexts[id_]
            if free:
                context.idle.push(worker.slowness * worker.skew, worker.order, worker.id)
            if soon:
                context.shallow[worker.id] = None
            else:
                context.shallow.pop(worker.id, None)

    def _is_short(self, worker: Worker) -> bool:
        for queue in worker.queues.values():
            predicted = queue[0].predicted_seconds
            return predicted is not None and predicted < self.prefetch_below_seconds
        return False

    def index_demand(self, run: Run) -> None:
        """Call after a change of a run's waiting items or of its end."""
        if run.has_demand:
            self.demand[run.id] = run
        else:
            self.demand.pop(run.id, None)

    def forget_contexts(self) -> list[str]:
        """Those that no run needs and no worker has are no longer known: their ids."""
        ahead = {self.workers[id_].ahead for id_ in self.ahead}
        unused = [
            c.id
            for c in self.contexts.values()
            if not (c.runs or c.holders or c.reserved or c.id in ahead)
        ]
        for id_ in unused:
            del self.contexts[id_]
        return unused

    # -- reservations ----------------------------------------------------------------------------

    def reserve(self, worker: Worker, context: Context) -> None:
        """Nothing more is sent to the worker until it is released, free to load the context."""
        worker.reserved = context.id
        context.reserved[worker.id] = None
        self.reserved[worker.id] = None
        self.index_queue(worker)

    def release(self, worker: Worker) -> None:
        if worker.reserved is not None:
            del self.contexts[worker.reserved].reserved[worker.id]
            del self.reserved[worker.id]
            worker.reserved = None
            self.index_queue(worker)

    def forget_ahead(self, worker: Worker) -> None:
        """What was brought ahead is to be loaded now, or is gone."""
        worker.ahead = None
        self.ahead.pop(worker.id, None)

    # -- views -----------------------------------------------------------------------------------

    def can_dispatch(self, worker_id: str, context: str) -> Worker | None:
        """The worker, if a batch of this context may be sent to it now."""
        worker = self.workers.get(worker_id)
        if (
            worker is None
            or not worker.available
            or worker.reserved is not None
            or not worker.is_warm(context)
        ):
            return None
        return worker

    def run_of(self, batch: Batch) -> Run:
        """Also if it is over already."""
        return self.runs.get(batch.run) or self.lingering[batch.run]

    def pool_of(self, worker: Worker) -> Pool:
        return self.pool(worker.capacity.pool)

    def pool(self, name: str) -> Pool:
        if name not in self.pools:
            self.pools[name] = Pool(name)
        return self.pools[name]

    def pools_complete(self) -> bool:
        """Whether no more workers are to be expected, and there are or were some."""
        return all(pool.complete for pool in self.pools.values()) and any(self.groups.values())

    def demanding_contexts(self) -> list[Context]:
        """Contexts with waiting items, those whose first run opened first in front."""
        seen: dict[str, None] = {}
        for run in self.demand.values():
            seen[run.context] = None
        found = [self.contexts[id_] for id_ in seen]
        if len(found) > 1:
            found.sort(key=lambda c: (min(r.order for r in c.runs.values()), c.order))
        return found


def _put(index: dict[str, None], key: str, present: bool) -> None:
    if present:
        index[key] = None
    else:
        index.pop(key, None)
