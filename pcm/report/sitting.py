"""One sitting of a run: from a manager's start to its stop, or to its last word before a crash."""

from __future__ import annotations

from collections import defaultdict

from pcm.core.commands import Dispatch
from pcm.core.events import (
    BatchDone,
    BatchLost,
    ItemsDone,
    ReplicaChanged,
    ReplicaFailed,
    WorkerJoined,
    WorkerLeft,
)
from pcm.report.batches import FinishedItems, OpenBatch
from pcm.report.figures import Split, WorkerAccount
from pcm.report.tally import Tally
from pcm.report.timeline import Stretch, divide


class Presence:
    """A worker while it is there."""

    def __init__(self, joined: WorkerJoined, at: float) -> None:
        self.worker = joined.worker
        self.kind = joined.capacity.kind
        self.host = joined.capacity.host
        self.joined_at = at
        self.stretches: list[Stretch] = []
        self.loading: dict[str, float] = {}
        self.free_at: dict[str, float] = defaultdict(float)
        """Until when each context's batches are known to have run: they run one after another."""
        self.batches: dict[int, OpenBatch] = {}
        self.items = self.batch_count = self.lost_batches = self.loads = 0


class Sitting:
    """Takes what happened, in order; batches and workers do not outlive it."""

    def __init__(self, started_at: float, tally: Tally, finished: FinishedItems) -> None:
        self.started_at = self.last_at = started_at
        self._tally = tally
        self._finished = finished
        self._present: dict[str, Presence] = {}
        self._batches: dict[int, Presence] = {}

    def worker_joined(self, event: WorkerJoined, at: float) -> None:
        self._present.setdefault(event.worker, Presence(event, at))

    def worker_left(self, event: WorkerLeft, at: float) -> None:
        presence = self._present.pop(event.worker, None)
        if presence is not None:
            self._leave(presence, at, event.cause)

    def load_begun(self, worker: str, context: str, at: float) -> None:
        presence = self._present.get(worker)
        if presence is not None:
            presence.loading.setdefault(context, at)

    def replica_changed(self, event: ReplicaChanged, at: float) -> None:
        if event.status in ("staging", "loading"):
            self.load_begun(event.worker, event.context, at)
            return
        begun = self._end_load(event.worker, event.context, at)
        if begun is not None and event.status == "warm" and event.tier != "absent":
            self._present[event.worker].loads += 1
            self._tally.context_loaded(event.context, at - begun)

    def replica_failed(self, event: ReplicaFailed, at: float) -> None:
        if self._end_load(event.worker, event.context, at) is not None:
            self._tally.load_failures[event.context] += 1

    def load_dropped(self, worker: str, context: str, at: float) -> None:
        self._end_load(worker, context, at)

    def dispatched(self, command: Dispatch, at: float) -> None:
        presence = self._present.get(command.worker)
        if presence is not None:
            self._batches[command.batch] = presence
            presence.batches[command.batch] = OpenBatch(command, at)
            presence.batch_count += 1
            self._tally.dispatched(command)

    def items_done(self, event: ItemsDone, at: float) -> None:
        presence = self._batches.get(event.batch)
        self._tally.failed_outcomes += len(event.failed)
        if presence is not None:
            presence.items += presence.batches[event.batch].add(event, at, self._finished)

    def batch_done(self, event: BatchDone, at: float) -> None:
        presence = self._batches.pop(event.batch, None)
        if presence is None:
            return
        batch = presence.batches.pop(event.batch)
        # The worker measured from the arrival of the batch, which was just after its dispatch.
        # From the end backwards would be wrong: several ends may be heard of in one turn.
        start = max(batch.dispatched_at + event.queue_seconds, presence.free_at[batch.context])
        stop = min(start + event.run_seconds, at)
        self._ran(presence, batch, min(start, stop), stop)
        waited = event.queue_seconds + event.run_seconds
        self._tally.overheads.append(max(0.0, at - batch.dispatched_at - waited))

    def batch_lost(self, event: BatchLost, at: float) -> None:
        presence = self._batches.pop(event.batch, None)
        if presence is not None:
            batch = presence.batches.pop(event.batch)
            if event.started:
                self._cut_short(presence, batch, at)

    def end(self, at: float) -> None:
        """The manager stopped, or was never heard of again."""
        self.last_at = max(self.last_at, at)
        for presence in self._present.values():
            self._leave(presence, self.last_at, "")
        self._present.clear()
        self._batches.clear()

    def _leave(self, presence: Presence, at: float, cause: str) -> None:
        running: set[str] = set()
        for number, batch in presence.batches.items():
            self._batches.pop(number, None)
            if batch.is_complete:
                start = max(batch.dispatched_at, presence.free_at[batch.context])
                stop = max(start, min(batch.complete_at, at))
                self._ran(presence, batch, start, stop)
            elif batch.context not in running:
                # Of the batches of one context, only the first can have begun.
                running.add(batch.context)
                self._cut_short(presence, batch, at)
        for context, begun in presence.loading.items():
            presence.stretches.append(Stretch(begun, at, "loading", context))
        split, contexts = divide(presence.joined_at, at, presence.stretches)
        self._tally.add_worker(_account(presence, split, cause), contexts)

    def _ran(self, presence: Presence, batch: OpenBatch, start: float, stop: float) -> None:
        presence.free_at[batch.context] = stop
        presence.stretches += batch.ran(start, stop)

    def _cut_short(self, presence: Presence, batch: OpenBatch, at: float) -> None:
        start = max(batch.dispatched_at, presence.free_at[batch.context])
        presence.free_at[batch.context] = at
        presence.stretches += batch.was_lost(min(start, at), at)
        presence.lost_batches += 1

    def _end_load(self, worker: str, context: str, at: float) -> float | None:
        """When the load began; None if none was going on."""
        presence = self._present.get(worker)
        begun = None if presence is None else presence.loading.pop(context, None)
        if presence is not None and begun is not None:
            presence.stretches.append(Stretch(begun, at, "loading", context))
        return begun


def _account(presence: Presence, split: Split, cause: str) -> WorkerAccount:
    return WorkerAccount(
        worker=presence.worker,
        kind=presence.kind,
        host=presence.host,
        split=split,
        items=presence.items,
        batches=presence.batch_count,
        lost_batches=presence.lost_batches,
        context_loads=presence.loads,
        left=cause,
    )
