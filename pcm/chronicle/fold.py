"""Takes what happened to a run's items, batches, loads and workers, entry by entry.

``pcm.report.sitting`` makes the books of a whole log by the same rules (``running``), and tests
hold the two together. Here every number is kept with the moment from which on it is so.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pcm.chronicle import running
from pcm.chronicle.batches import DONE, LOST, NOT_STARTED, WORKER_GONE, BatchTable, OpenBatch
from pcm.chronicle.columns import Steps
from pcm.chronicle.items import Costs
from pcm.chronicle.lane import Lane, Replica
from pcm.chronicle.loads import Failure, LoadTable
from pcm.chronicle.pieces import LOADING, USEFUL, Stretch
from pcm.chronicle.pieces import LOST as LOST_USE
from pcm.chronicle.progress import Progress
from pcm.chronicle.totals import Late, Totals, Uses
from pcm.core.commands import Dispatch, Evict, Load, Retire
from pcm.core.events import (
    BatchDone,
    BatchLost,
    ItemsDone,
    ReplicaChanged,
    ReplicaFailed,
    RunOpened,
    WorkerJoined,
    WorkerLeft,
    WorkerNotice,
)
from pcm.journal.entries import FileCame


class Fold:
    """Times are unix seconds, and only grow. Of workers and batches that it does not know it is
    told in vain."""

    def __init__(self, costs: Costs) -> None:
        self.progress = Progress(costs)
        self.totals = Totals(self.progress.waits)
        self.lanes: list[Lane] = []
        self.present: dict[str, Lane] = {}
        self.batches = BatchTable()
        self.loads = LoadTable()
        self.contexts: dict[str, int] = {}
        """Their places, by digest, in the order of their being named first."""
        self.context_names: dict[str, str] = {}
        self.opened: dict[int, RunOpened] = {}
        """By sitting, counted from 0."""
        self.crew = Steps("iiiii")
        """Workers that are idle, loading, warm, working, leaving."""
        self._out: dict[int, OpenBatch] = {}
        self._crew = [0] * 6
        self._sitting = -1
        self._late: tuple[float, Late] | None = None

    # -- sittings --------------------------------------------------------------------------------

    def begin(self, at: float) -> None:
        if not self.lanes and self._sitting < 0:
            self.totals.origin = at
        self._sitting += 1
        self.progress.begin_sitting(at)

    def end(self, at: float) -> None:
        """The manager stopped, or was never heard of again."""
        for lane in list(self.present.values()):
            self._leave(lane, at)
        self._out.clear()
        self.progress.end_sitting(at)

    def run_opened(self, event: RunOpened, at: float) -> None:
        self.opened[self._sitting] = event
        self._place(event.context)
        self.context_names[event.context] = event.context_name

    # -- workers ---------------------------------------------------------------------------------

    def worker_joined(self, event: WorkerJoined, at: float) -> None:
        if event.worker not in self.present:
            lane = Lane(len(self.lanes), self._sitting, event.worker, event.capacity, at)
            self.lanes.append(lane)
            self.present[event.worker] = lane
            self.totals.joined(at)
            self._crew[0] += 1
            self._note_crew(at)

    def worker_notice(self, event: WorkerNotice, at: float) -> None:
        self._told_to_leave(event.worker, at)

    def retired(self, command: Retire, at: float) -> None:
        self._told_to_leave(command.worker, at)

    def _told_to_leave(self, worker: str, at: float) -> None:
        lane = self.present.get(worker)
        if lane is not None:
            lane.leaving = True
            self._look_at(lane, at)

    def worker_left(self, event: WorkerLeft, at: float) -> None:
        lane = self.present.get(event.worker)
        if lane is not None:
            lane.left, lane.left_detail = event.cause, event.detail
            if event.cause in ("evicted", "lost"):
                self.progress.workers_taken += 1
            self._leave(lane, at)
            self.progress.note_rare(at)
            self.progress.look(at)

    def _leave(self, lane: Lane, at: float) -> None:
        for number in lane.batches:
            self._out.pop(number, None)
        for batch, standing in running.when_the_worker_goes(lane.batches.values()):
            self.progress.items.returned(batch.open_items)
            if standing == "complete":
                ran = running.complete(batch, lane.free_at[batch.context], at)
                self._ran(lane, batch, ran, at, WORKER_GONE)
            elif standing == "cut_short":
                self._cut_short(lane, batch, at, WORKER_GONE)
            else:
                self.batches.end(batch.row, at, NOT_STARTED)
        lane.batches.clear()
        for context, begun in lane.loading.items():
            lane.add(begun, at, LOADING, self._place(context))
        lane.loading.clear()
        lane.left_at = at
        self.totals.add(lane.settle())
        self.totals.left(at)
        del self.present[lane.worker]
        self._look_at(lane, at)

    # -- contexts --------------------------------------------------------------------------------

    def load_ordered(self, command: Load, at: float) -> None:
        if command.tier != "disk":
            self._load_begun(command.worker, command.context, at)

    def _load_begun(self, worker: str, context: str, at: float) -> None:
        lane = self.present.get(worker)
        if lane is not None:
            self._place(context)
            lane.loading.setdefault(context, at)
            self._look_at(lane, at)

    def replica_changed(self, event: ReplicaChanged, at: float) -> None:
        lane = self.present.get(event.worker)
        if lane is None:
            return
        context, place = event.context, self._place(event.context)
        lane.replicas.append(Replica(at, place, event.tier, event.status, event.memory_bytes))
        if event.tier == "disk" and event.status == "warm":
            return  # Its files came while the worker computed with another context.
        if event.status in ("staging", "loading"):
            lane.warm.discard(context)
            self._load_begun(event.worker, context, at)
            return
        ready = event.status == "warm" and event.tier != "absent"
        begun = self._end_load(lane, context, at, warm=ready)
        if ready:
            lane.warm.add(context)
            lane.held_once.add(context)
            lane.shortest_loads[context].append((at, 0.0 if begun is None else at - begun))
        else:
            lane.warm.discard(context)
        self._look_at(lane, at)

    def replica_failed(self, event: ReplicaFailed, at: float) -> None:
        lane = self.present.get(event.worker)
        if lane is not None:
            place = self._place(event.context)
            begun = self._end_load(lane, event.context, at, warm=False)
            lane.warm.discard(event.context)
            lane.replicas.append(Replica(at, place, "absent", "failed", 0))
            self.loads.failures.append(
                Failure(at, lane.index, place, event.kind, event.error, begun is not None)
            )
            self._look_at(lane, at)

    def file_came(self, entry: FileCame, at: float) -> None:
        self.loads.came(self._place(entry.context), entry.source, entry.size_bytes, at)

    def evict_ordered(self, command: Evict, at: float) -> None:
        lane = self.present.get(command.worker)
        if lane is not None:
            self.loads.evicted(self._place(command.context), at)
            self._end_load(lane, command.context, at, warm=False)
            self._look_at(lane, at)

    def _end_load(self, lane: Lane, context: str, at: float, *, warm: bool) -> float | None:
        """When the load began; None if none was going on."""
        begun = lane.loading.pop(context, None)
        if begun is not None:
            place = self._place(context)
            lane.add(begun, at, LOADING, place)
            again = context in lane.held_once
            self.loads.ended(lane.index, place, begun, at, warm=warm, again=again)
            self.totals.add(lane.settle())
        return begun

    # -- batches ---------------------------------------------------------------------------------

    def dispatched(self, command: Dispatch, at: float) -> None:
        lane = self.present.get(command.worker)
        if lane is None or not command.ranges:
            return
        place = self._place(command.context)
        batch = OpenBatch(len(self.batches), lane.index, command.context, at, command)
        row = self.batches.dispatched(command, lane.index, place, batch.count, at)
        lane.rows.append(row)
        lane.batches[command.batch] = self._out[command.batch] = batch
        self.progress.items.taken(batch.all_items, batch.stop)
        self.progress.look(at)
        self._look_at(lane, at)

    def items_done(self, event: ItemsDone, at: float) -> None:
        self.progress.items_done(self._out.get(event.batch), event, at)

    def batch_done(self, event: BatchDone, at: float) -> None:
        batch = self._out.pop(event.batch, None)
        if batch is None:
            return
        lane = self.lanes[batch.lane]
        del lane.batches[event.batch]
        self.progress.items.returned(batch.open_items)
        free_at = lane.free_at[batch.context]
        ran = running.done(batch, free_at, event.queue_seconds, event.run_seconds, at)
        self._ran(lane, batch, ran, at, DONE)
        self.totals.add(lane.settle())
        self.progress.look(at)
        self._look_at(lane, at)

    def batch_lost(self, event: BatchLost, at: float) -> None:
        batch = self._out.pop(event.batch, None)
        if batch is None:
            return
        lane = self.lanes[batch.lane]
        del lane.batches[event.batch]
        self.progress.items.returned(batch.open_items)
        if event.started:
            self._cut_short(lane, batch, at, LOST)
            self.progress.note_rare(at)
        else:
            self.batches.end(batch.row, at, NOT_STARTED)
        self.totals.add(lane.settle())
        self.progress.look(at)
        self._look_at(lane, at)

    def _ran(self, lane: Lane, batch: OpenBatch, ran: running.Ran, at: float, ending: int) -> None:
        lane.free_at[batch.context] = ran.stop
        place = self.contexts[batch.context]
        lane.add(ran.start, ran.useful_until, USEFUL, place, batch.row)
        lane.add(ran.useful_until, ran.stop, LOST_USE, place, batch.row)
        cost = self.progress.costs.of(batch.decided_items) if batch.outcomes else 0.0
        self.batches.end(
            batch.row, at, ending, ran.start, ran.stop, batch.kept, cost, ran.busy_seconds
        )

    def _cut_short(self, lane: Lane, batch: OpenBatch, at: float, ending: int) -> None:
        ran = running.cut_short(batch, lane.free_at[batch.context], at)
        self._ran(lane, batch, ran, at, ending)
        if not self.progress.items.all_done(batch.open_items):
            self.progress.lost_batches += 1  # and not merely overtaken by its copy
            self.progress.note_rare(at)

    # -- what is asked ---------------------------------------------------------------------------

    def uses(self, times: NDArray[np.float64], until: float) -> Uses:
        """Worker seconds until each time, none of which is after ``until``; what goes on is held to
        go on until then."""
        if self._late is None or self._late[0] != until:
            self._late = until, self.totals.late(list(self._unsettled(until)))
        return self.totals.until(times, self._late[1])

    def told(self) -> None:
        """Something happens: what looked so may not any more."""
        self._late = None

    def _unsettled(self, at: float) -> Iterator[Stretch]:
        """Of all workers, without overlaps within each."""
        for lane in self.present.values():
            yield from lane.unsettled(at, self.contexts)

    # -- what is noted ---------------------------------------------------------------------------

    def _place(self, context: str) -> int:
        place = self.contexts.get(context)
        if place is None:
            place = self.contexts[context] = len(self.contexts)
        return place

    def _look_at(self, lane: Lane, at: float) -> None:
        change = lane.look(at)
        if change is not None:
            before, after = change
            self._crew[before] -= 1
            self._crew[after] += 1
            self._note_crew(at)

    def _note_crew(self, at: float) -> None:
        self.crew.note(at, *self._crew[:5])
