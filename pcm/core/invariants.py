"""What must hold after every event. Checked in tests and simulations, not in live runs."""

from __future__ import annotations

import math

from pcm.core.alarms import Alarms
from pcm.core.batch import OPEN
from pcm.core.items import FAILED, FINISHED, IN_FLIGHT, WAITING
from pcm.core.run import Run
from pcm.core.state import State
from pcm.core.worker import Worker


class BrokenInvariant(AssertionError):
    """The core contradicts itself."""


def check(state: State, alarms: Alarms) -> None:
    """Raises BrokenInvariant; takes time proportional to everything there is."""
    for run in state.runs.values():
        _check_items(run)
        _hold(run.outcome is None and run.id not in state.ended, f"run {run.id} is over")
        _hold(state.contexts[run.context].runs.get(run.id) is run, f"run {run.id} has no context")
        _hold((run.id in state.demand) == run.has_demand, f"run {run.id}: wrong in the demand")
        _hold(not (run.paused and run.has_demand), f"run {run.id} is paused and wants workers")
    for worker in state.workers.values():
        _check_worker(worker, state, alarms)
    for id_ in state.drained:
        worker = state.workers[id_]
        _hold(not worker.available and worker.live > 0, f"worker {id_} should be gone")
    for run in state.lingering.values():
        _hold(run.outcome is not None and bool(run.batches), f"run {run.id} lingers for nothing")
        _hold(all(b.beaten for b in run.batches.values()), f"run {run.id} was not over")
    _check_batches(state)
    _check_contexts(state)
    for pool in state.pools.values():
        active = sum(w.available and w.capacity.pool == pool.name for w in state.workers.values())
        _hold(pool.active == active, f"pool {pool.name} counts {pool.active} of {active} workers")
        _hold(pool.pending >= 0, f"pool {pool.name} waits for {pool.pending}")
        if pool.wanted is not None and not pool.halted:
            _hold(active + pool.pending >= pool.wanted, f"pool {pool.name} is not replaced")


def _check_items(run: Run) -> None:
    items = run.items
    size = len(items.state)
    _hold(sum(items.counts) == size, f"run {run.id} has {size} items and counts {items.counts}")
    for status in (WAITING, IN_FLIGHT, FINISHED, FAILED):
        found = items.state.count(status)
        _hold(items.counts[status] == found, f"run {run.id}: {found} items in state {status}")
    flying: set[int] = set()
    for batch in run.batches.values():
        for position in range(batch.count):
            if batch.outcomes[position] == OPEN:
                item = batch.item_at(position)
                twin = batch.twin
                twice = twin is not None and twin.position_of(item) is not None
                _hold(twice or item not in flying, f"run {run.id}: item {item} is in two batches")
                flying.add(item)
        if batch.twin is not None:
            _hold(batch.twin.twin is batch, f"batch {batch.id} is not its copy's copy")
            _hold(run.batches.get(batch.twin.id) is batch.twin, f"batch {batch.id} has a dead copy")
            _hold(
                batch.twin.open_items() == batch.open_items(),
                f"batch {batch.id} and its copy differ",
            )
    _hold(len(flying) == items.in_flight, f"run {run.id}: {len(flying)} items in flight")
    _hold(all(items.state[i] == IN_FLIGHT for i in flying), f"run {run.id}: state of flying items")
    if run.ending is not None:
        return
    waiting: set[int] = set()
    spans = [
        *items.lane,
        *(span for group in run.suspects.groups for span in group.lane),
    ]
    lanes = [i for start, stop, _ in spans for i in range(start, stop)] + items.dear
    for item in [i for i in lanes if items.state[i] != FINISHED] + list(run.suspects.alone):
        _hold(item not in waiting, f"run {run.id}: item {item} waits twice")
        _hold(items.state[item] == WAITING, f"run {run.id}: item {item} should not wait")
        waiting.add(item)
    _hold(len(waiting) == items.waiting, f"run {run.id}: {items.waiting} wait, {len(waiting)} do")
    cost = sum(items.cost(i, i + 1) for i in waiting)
    _hold(
        math.isclose(cost, items.waiting_cost, rel_tol=1e-6, abs_tol=1e-6),
        f"run {run.id}: waiting cost {items.waiting_cost}, not {cost}",
    )
    for item in run.suspects.records:
        _hold(item in waiting or item in flying, f"run {run.id}: settled item {item} is suspect")
    for item in run.suspects.alone:
        _hold(item in run.suspects.records, f"run {run.id}: item {item} alone without a record")


def _check_worker(worker: Worker, state: State, alarms: Alarms) -> None:
    queues = worker.queues
    _hold(worker.live == sum(map(len, queues.values())), f"worker {worker.id} counts its batches")
    _hold(all(queues.values()), f"worker {worker.id} keeps an empty queue")
    for context, queue in queues.items():
        for batch in queue:
            _hold(state.batches.get(batch.id) is batch, f"batch {batch.id} is queued, not live")
            _hold(batch.context == context, f"batch {batch.id} is in the wrong queue")
        first = queue[0]
        _hold(first.status != "queued", f"batch {first.id} is first and not running")
        replica = worker.replicas.get(context)
        _hold(
            replica is None or replica.status not in ("offloading", "parked", "draining"),
            f"context {context} is given up on {worker.id} while it is in use",
        )
        _hold(
            first.deadline is None or (alarms.next() or math.inf) <= first.deadline,
            f"batch {first.id} has no alarm",
        )
    if not worker.available:
        _hold(worker.reserved is None, f"worker {worker.id} is going and reserved")
    _hold((worker.id in state.ahead) == (worker.ahead is not None), "files brought ahead")
    _hold(worker.ahead not in worker.replicas, f"{worker.id} loads what is ahead")
    _hold((worker.id in state.reserved) == (worker.reserved is not None), "reservations")
    spare = worker.id in state.spare.get(worker.signature, {})
    free = worker.available and not (worker.live or worker.unsettled or worker.reserved)
    _hold(spare == free, f"worker {worker.id} is wrong among the spare")
    grouped = worker.id in state.groups.get(worker.signature, {})
    _hold(grouped == worker.available, f"worker {worker.id} is wrong in its group")


def _check_batches(state: State) -> None:
    for batch in state.batches.values():
        worker = state.workers.get(batch.worker)
        _hold(worker is not None, f"batch {batch.id} is on a worker that is gone")
        assert worker is not None
        _hold(batch in worker.queues[batch.context], f"batch {batch.id} is in no queue")
        _hold(batch.id in state.run_of(batch).batches, f"batch {batch.id} is in no run")
        _hold(batch.outcomes.count(OPEN) == batch.open, f"batch {batch.id} counts its items")


def _check_contexts(state: State) -> None:
    for context in state.contexts.values():
        kinds: dict[str, int] = {}
        of_status = {"warm": context.warm, "loading": context.loading, "parked": context.parked}
        for status, index in of_status.items():
            there = {
                w.id
                for w in state.workers.values()
                if w.available and (r := w.replicas.get(context.id)) and r.status == status
            }
            _hold(there == set(index), f"context {context.id}: wrong index of {status} workers")
            if status == "parked":
                continue
            for id_ in there:
                kind = state.workers[id_].capacity.kind
                kinds[kind] = kinds.get(kind, 0) + 1
        _hold(kinds == context.serving, f"context {context.id}: serving {context.serving}")
        for id_ in context.warm:
            worker = state.workers[id_]
            if worker.live == 0 and worker.reserved is None:
                _hold(id_ in context.idle, f"worker {id_} is idle and not known to be")
        holders = sum(context.id in w.replicas for w in state.workers.values())
        _hold(context.holders == holders, f"context {context.id} counts its holders")
        ahead = any(context.id == w.ahead for w in state.workers.values())
        used = bool(context.runs or holders or context.reserved or ahead)
        _hold(used, f"context {context.id} is of no use to anybody")
        reserved = {w.id for w in state.workers.values() if w.reserved == context.id}
        _hold(reserved == set(context.reserved), f"context {context.id}: wrong reservations")


def _hold(condition: bool, otherwise: str) -> None:
    if not condition:
        raise BrokenInvariant(otherwise)
