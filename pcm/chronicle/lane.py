"""A lane: one stay of a worker in one sitting, and what it did in it."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from math import inf
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcm.chronicle.batches import OpenBatch
from pcm.chronicle.pieces import LOADING, USEFUL, Stretch, settled
from pcm.chronicle.running import when_the_worker_goes
from pcm.core.events import Capacity, ReplicaStatus, Tier

WorkerState = Literal["idle", "loading", "warm", "working", "leaving", "gone"]
STATES: tuple[WorkerState, ...] = ("idle", "loading", "warm", "working", "leaving", "gone")
"""warm: holds a context and has no batch. leaving: sent nothing more. Their places are codes."""

IDLE, LOADING_STATE, WARM, WORKING, LEAVING, GONE = range(6)


class Replica(NamedTuple):
    """What was told of a context on the worker. ``context``: place in ``Chronicle.contexts``."""

    at: float
    context: int
    tier: Tier
    status: ReplicaStatus
    memory_bytes: int


class Pieces(NamedTuple):
    """What a worker did, without overlaps and in order; between them it did nothing. Arrays of one
    shape: unix seconds, places in ``USES`` and in ``Chronicle.contexts``, rows of batches or -1."""

    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    use: NDArray[np.int8]
    context: NDArray[np.int16]
    row: NDArray[np.int32]


def _part(column: array[Any], low: int, high: int) -> NDArray[Any]:
    if low >= high:
        return np.empty(0, column.typecode)
    size = column.itemsize
    return np.frombuffer(column, column.typecode, high - low, low * size).copy()


class Lane:
    def __init__(
        self, index: int, sitting: int, worker: str, capacity: Capacity, at: float
    ) -> None:
        self.index, self.sitting, self.worker, self.capacity = index, sitting, worker, capacity
        self.joined_at = at
        self.left_at: float | None = None
        self.left = ""
        """Why, as far as the log tells: retired, evicted, lost, refused; empty: it was there when
        the sitting ended."""
        self.left_detail = ""
        self.leaving = False
        self.batches: dict[int, OpenBatch] = {}
        self.loading: dict[str, float] = {}
        """By context: since when."""
        self.warm: set[str] = set()
        self.held_once: set[str] = set()
        self.free_at: dict[str, float] = defaultdict(float)
        """Until when each context's batches are known to have run: they run one after another."""
        self.rows = array("i")
        """Of the table of batches."""
        self.replicas: list[Replica] = []
        self.shortest_loads: dict[str, list[tuple[float, float]]] = defaultdict(list)
        """By context: seconds, with when that was known; 0 if it was warm before the log began."""
        self._contexts: dict[str, int] = {}
        self._state_times, self._states = array("d", [at]), array("b", [IDLE])
        self._pending: list[Stretch] = []
        self._pieces = (array("d"), array("d"), array("b"), array("h"), array("i"))

    # -- what happens ----------------------------------------------------------------------------

    def look(self, at: float) -> tuple[int, int] | None:
        """Note its state, if that has changed: from what to what."""
        if self.left_at is not None:
            state = GONE
        elif self.leaving:
            state = LEAVING
        elif self.batches:
            state = WORKING
        elif self.loading:
            state = LOADING_STATE
        else:
            state = WARM if self.warm else IDLE
        before = self._states[-1]
        if state == before:
            return None
        self._state_times.append(at)
        self._states.append(state)
        return before, state

    def add(self, start: float, stop: float, use: int, context: int, row: int = -1) -> None:
        if start < stop:
            self._pending.append(Stretch(start, stop, use, context, row))

    def settle(self) -> list[Stretch]:
        """The pieces that nothing can change any more and that were not given before."""
        if not self._pending:
            return []
        until = inf
        for begun in self.loading.values():
            until = min(until, begun)
        for batch in self.batches.values():
            until = min(until, max(batch.at, self.free_at[batch.context]))
        pieces, self._pending = settled(self._pending, until)
        starts, stops, uses, contexts, rows = self._pieces
        for piece in pieces:
            starts.append(piece.start)
            stops.append(piece.stop)
            uses.append(piece.use)
            contexts.append(piece.context)
            rows.append(piece.row)
        return list(pieces)

    # -- questions -------------------------------------------------------------------------------

    def state(self, at: float) -> WorkerState | None:
        """None before it joined."""
        passed = bisect_right(self._state_times, at)
        return STATES[self._states[passed - 1]] if passed else None

    def unsettled(self, at: float, contexts: dict[str, int]) -> list[Stretch]:
        """What goes on and what may change yet, as it looks now, without overlaps: a batch that
        runs is held to be useful. ``contexts``: their places."""
        going_on = list(self._pending)
        for context, begun in self.loading.items():
            if begun < at:
                going_on.append(Stretch(begun, at, LOADING, contexts[context], -1))
        for batch, standing in when_the_worker_goes(self.batches.values()):
            if standing == "cut_short":  # It would be, now.
                begun = max(batch.at, self.free_at.get(batch.context, 0.0))
                if begun < at:
                    place = contexts[batch.context]
                    going_on.append(Stretch(begun, at, USEFUL, place, batch.row))
        return list(settled(going_on, at)[0]) if going_on else []

    def within(self, first: float, last: float, at: float, contexts: dict[str, int]) -> Pieces:
        """From one time to another, which is not beyond ``at``. ``contexts``: their places."""
        starts, stops, *_ = self._pieces
        low, high = bisect_right(stops, first), bisect_left(starts, last)
        columns = [_part(column, low, high) for column in self._pieces]
        late = self.unsettled(at, contexts) if self.left_at is None else ()
        late = [s for s in late if s.start < last and s.stop > first]
        if late:
            columns = [
                np.concatenate([column, np.array(more, column.dtype)])
                for column, more in zip(columns, zip(*late, strict=True), strict=True)
            ]
        pieces = Pieces._make(columns)
        np.maximum(pieces.start, first, out=pieces.start)
        np.minimum(pieces.stop, last, out=pieces.stop)
        return pieces

    def row_at(self, at: float, dispatched: array[float]) -> int:
        """Of the last batch that it was given until then; -1: none. ``dispatched``: when each row's
        batch was."""
        low, high = 0, len(self.rows)
        while low < high:
            middle = (low + high) // 2
            if dispatched[self.rows[middle]] <= at:
                low = middle + 1
            else:
                high = middle
        return low - 1

    def held(self, at: float) -> list[Replica]:
        """What was told last of each context that is there, in the order of their coming."""
        last: dict[int, Replica] = {}
        for replica in self.replicas:
            if replica.at > at:
                break
            before = last.get(replica.context)
            since = replica.at
            if before is not None and before[2:4] == replica[2:4]:
                since = before.at
            last[replica.context] = replica._replace(at=since)
        return [replica for replica in last.values() if replica.tier != "absent"]

    def load_seconds(self, context: str, at: float) -> float | None:
        """The shortest load of a context until a moment; 0 if it was warm before the log began;
        None: there was none."""
        loads = self.shortest_loads.get(context, ())
        return min((seconds for told, seconds in loads if told <= at), default=None)
