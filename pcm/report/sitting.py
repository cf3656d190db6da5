"""One sitting of a run: from a manager's start to its stop, or to its last word before a crash."""

from __future__ import annotations

from collections import defaultdict
from math import inf

import numpy as np
from numpy.typing import NDArray

from pcm.chronicle import running
from pcm.core.commands import Dispatch, GiveUp
from pcm.core.events import (
    BatchDone,
    BatchLost,
    ItemsAdded,
    ItemsDone,
    ItemsReopened,
    ReplicaChanged,
    ReplicaFailed,
    RunOpened,
    WorkerJoined,
    WorkerLeft,
)
from pcm.core.worker import suits
from pcm.report.batches import FinishedItems, OpenBatch
from pcm.report.bound import Stay, bound_seconds
from pcm.report.figures import Split, WorkerAccount
from pcm.report.tally import Tally
from pcm.report.timeline import Course, Stretch, divide
from pcm.report.waiting import Waiting


class Presence:
    """A worker while it is there."""

    def __init__(self, joined: WorkerJoined, at: float) -> None:
        self.worker = joined.worker
        self.capacity = joined.capacity
        self.joined_at = at
        self.stretches: list[Stretch] = []
        self.loading: dict[str, float] = {}
        self.free_at: dict[str, float] = defaultdict(float)
        """Until when each context's batches are known to have run: they run one after another."""
        self.batches: dict[int, OpenBatch] = {}
        self.out: list[tuple[float, float]] = []
        """From when to when it had each of its batches, as the manager sees it."""
        self.items = self.batch_count = self.lost_batches = self.loads = 0
        self.load_seconds: dict[str, float] = {}
        """By context: the shortest load; 0 if it was warm before the log began."""
        self.cost = self.busy_seconds = self.dearest_seconds = 0.0


class Sitting:
    """Takes what happened, in order; batches and workers do not outlive it."""

    def __init__(
        self, started_at: float, tally: Tally, finished: FinishedItems, costs: NDArray[np.float64]
    ) -> None:
        self.started_at = self.last_at = started_at
        self._tally = tally
        self._finished = finished
        self._present: dict[str, Presence] = {}
        self._batches: dict[int, Presence] = {}
        self._costs = costs
        self._waiting = Waiting()
        self._opened: RunOpened | None = None
        self._given_up: set[int] = set()
        """Items that failed and were given up."""
        self._work = 0.0
        self._stays: list[Stay] = []

    def run_opened(self, event: RunOpened) -> None:
        self._opened = event
        self._tally.context_names[event.context] = event.context_name

    def items_added(self, event: ItemsAdded, at: float) -> None:
        """In the log there are counts in place of arrays."""
        finished = event.finished["sum"] if event.finished else 0
        self._waiting.added(event.costs["count"] - int(finished), at)

    def gave_up(self, command: GiveUp, at: float) -> None:
        if command.kind == "failed":
            self._tally.given_up += 1
            self._given_up.add(command.item)
            self._work += float(self._costs[command.item : command.item + 1].sum())
        self._tally.decided(1, at)
        self._waiting.gave_up(command.item, at)

    def reopened(self, event: ItemsReopened, at: float) -> None:
        """What was given up is to be done after all, and counts when it has its next outcome."""
        ranges = (range(start, stop) for start, stop in event.ranges)
        items = np.array([item for one in ranges for item in one], np.int64)
        again = self._given_up.intersection(items.tolist())
        self._given_up -= again
        self._tally.given_up -= len(again)
        self._work -= self._cost(np.array(sorted(again), np.int64))
        self._tally.decided(-len(items), at)
        self._waiting.reopened(items, at)

    def paused(self, at: float, *, rests: bool) -> None:
        """While it rests, nothing waits for anybody."""
        self._waiting.paused(at, rests=rests)

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
        if event.tier == "disk" and event.status == "warm":
            return  # Its files came while the worker computed with another context.
        if event.status in ("staging", "loading"):
            self.load_begun(event.worker, event.context, at)
            return
        begun = self._end_load(event.worker, event.context, at)
        if event.status != "warm" or event.tier == "absent":
            return
        presence = self._present.get(event.worker)
        if presence is not None:
            seconds = 0.0 if begun is None else at - begun
            shortest = presence.load_seconds.get(event.context, inf)
            presence.load_seconds[event.context] = min(seconds, shortest)
            if begun is not None:
                presence.loads += 1
                self._tally.context_loaded(event.context, presence.capacity.kind, seconds, at)

    def replica_failed(self, event: ReplicaFailed, at: float) -> None:
        if self._end_load(event.worker, event.context, at) is not None:
            self._tally.load_failed(event.context, at)

    def load_dropped(self, worker: str, context: str, at: float) -> None:
        self._end_load(worker, context, at)

    def dispatched(self, command: Dispatch, at: float) -> None:
        presence = self._present.get(command.worker)
        if presence is not None:
            self._batches[command.batch] = presence
            presence.batches[command.batch] = batch = OpenBatch(command, at)
            if batch.stop > len(self._costs):
                # Added after the costs were read: they count when the books are made again.
                more = np.zeros(batch.stop - len(self._costs))
                self._costs = np.concatenate([self._costs, more])
            self._waiting.taken(batch.items, batch.stop, at)
            presence.batch_count += 1
            self._tally.dispatched(command, at)

    def items_done(self, event: ItemsDone, at: float) -> None:
        presence = self._batches.get(event.batch)
        self._tally.failed_outcomes += len(event.failed)
        if presence is not None:
            added = presence.batches[event.batch].add(event, at, self._finished)
            presence.items += len(added.kept)
            self._work += self._cost(added.kept)
            self._tally.decided(len(added.kept), at)
            self._waiting.decided(added.good, at)
            self._waiting.returned(added.closed, at)

    def batch_done(self, event: BatchDone, at: float) -> None:
        presence = self._batches.pop(event.batch, None)
        if presence is None:
            return
        batch = presence.batches.pop(event.batch)
        presence.out.append((batch.at, at))
        self._waiting.returned(batch.open_items, at)
        free_at = presence.free_at[batch.context]
        ran = running.done(batch, free_at, event.queue_seconds, event.run_seconds, at)
        self._ran(presence, batch, ran)
        waited = event.queue_seconds + event.run_seconds
        self._tally.overheads.append(max(0.0, at - batch.at - waited))

    def batch_lost(self, event: BatchLost, at: float) -> None:
        presence = self._batches.pop(event.batch, None)
        if presence is not None:
            batch = presence.batches.pop(event.batch)
            presence.out.append((batch.at, at))
            self._waiting.returned(batch.open_items, at)
            if event.started:
                self._cut_short(presence, batch, at, taken=event.cause == "evicted")

    def end(self, at: float) -> None:
        """The manager stopped, or was never heard of again."""
        self.last_at = max(self.last_at, at)
        for presence in self._present.values():
            self._leave(presence, self.last_at, "")
        self._present.clear()
        self._batches.clear()
        took = self.last_at - self.started_at
        bound = bound_seconds(self._stays, self._work, took)
        self._tally.sitting_ended(self.started_at, self.last_at, self._stays, bound)

    def _leave(self, presence: Presence, at: float, cause: str) -> None:
        taken = cause in ("evicted", "lost")
        for number in presence.batches:
            self._batches.pop(number, None)
        for batch, standing in running.when_the_worker_goes(presence.batches.values()):
            presence.out.append((batch.at, at))
            self._waiting.returned(batch.open_items, at)
            if standing == "complete":
                ran = running.complete(batch, presence.free_at[batch.context], at)
                self._ran(presence, batch, ran)
            elif standing == "cut_short":
                self._cut_short(presence, batch, at, taken=taken)
        for context, begun in presence.loading.items():
            presence.stretches.append(Stretch(begun, at, "loading", context, taken))
        waited = self._waiting.time
        split, contexts = divide(presence.joined_at, at, presence.stretches, waited)
        stay = self._stay(presence, at, cause)
        self._tally.add_worker(_account(presence, split, cause), contexts)
        capacity = presence.capacity
        self._tally.worker_went(
            Course(
                worker=presence.worker,
                kind=capacity.kind,
                gpus=capacity.gpus,
                joined_at=presence.joined_at,
                left_at=at,
                left=cause,
                stay=stay,
                stretches=presence.stretches,
                out=presence.out,
                waiting=waited,
                resting=self._waiting.resting,
            )
        )

    def _stay(self, presence: Presence, at: float, cause: str) -> int | None:
        """Keep what the bound needs of it, if it could have worked for the run: its place among
        the stays."""
        opened = self._opened
        if cause == "refused" or (opened and not suits(presence.capacity, opened.requirements)):
            return None
        contexts = [opened.context] if opened else list(presence.load_seconds)
        loads = [presence.load_seconds[c] for c in contexts if c in presence.load_seconds]
        taken = cause in ("evicted", "lost")
        self._stays.append(
            Stay(
                kind=presence.capacity.kind,
                start_seconds=presence.joined_at - self.started_at,
                end_seconds=at - self.started_at if taken else inf,
                cost=presence.cost,
                busy_seconds=presence.busy_seconds,
                dearest_seconds=presence.dearest_seconds,
                load_seconds=min(loads, default=None),
            )
        )
        return len(self._stays) - 1

    def _cost(self, items: NDArray[np.int64]) -> float:
        return float(self._costs[items].sum())

    def _ran(self, presence: Presence, batch: OpenBatch, ran: running.Ran) -> None:
        if batch.count == batch.kept == 1:
            presence.dearest_seconds = max(presence.dearest_seconds, ran.stop - ran.start)
        self._book(presence, batch, ran, taken=False)

    def _cut_short(self, presence: Presence, batch: OpenBatch, at: float, *, taken: bool) -> None:
        ran = running.cut_short(batch, presence.free_at[batch.context], at)
        self._book(presence, batch, ran, taken=taken)
        if not self._finished.has_all(batch.open_items):
            presence.lost_batches += 1  # and not merely overtaken by its copy

    def _book(self, presence: Presence, batch: OpenBatch, ran: running.Ran, *, taken: bool) -> None:
        presence.free_at[batch.context] = ran.stop
        presence.cost += self._cost(batch.decided_items)
        presence.busy_seconds += ran.busy_seconds
        presence.stretches += [
            Stretch(ran.start, ran.useful_until, "useful", batch.context),
            Stretch(ran.useful_until, ran.decided_until, "lost", batch.context),
            Stretch(ran.decided_until, ran.stop, "lost", batch.context, taken),
        ]

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
        kind=presence.capacity.kind,
        host=presence.capacity.host,
        split=split,
        items=presence.items,
        batches=presence.batch_count,
        lost_batches=presence.lost_batches,
        context_loads=presence.loads,
        left=cause,
    )
