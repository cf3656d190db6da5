"""The books of a run, from the event log of its journal, in one pass.

How the time of a worker is split (see ``Split``): a *batch* runs from when the worker began with it
(its dispatch plus the time that the worker says it waited) for as long as the worker says it ran.
Its time is useful by the share of its items whose results were kept, and lost by the share that
failed or came second. A batch that was *cut short* (its worker died, its lease ended) counts so up
to its last outcome, and is lost from there. *Loading* is the time from the order to load to the
answer that the context is warm or failed; while only its files are brought ahead, that is not
loading. Time in which a worker works for other runs counts here as if it did nothing.

A crashed sitting ends at its last event; so, unless ``now`` is given, does one that is going on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from pcm.core import commands, events
from pcm.journal import JournalReader, LoggedEvent
from pcm.report.batches import FinishedItems
from pcm.report.figures import Accounts, SlowItem
from pcm.report.sitting import Sitting
from pcm.report.tally import Tally

MANAGER_STARTED, MANAGER_STOPPED = "ManagerStarted", "ManagerStopped"
SLOWEST_ITEMS = 10

_READ: dict[str, msgspec.json.Decoder[Any]] = {
    kind.__name__: msgspec.json.Decoder(kind)
    for kind in (
        events.WorkerJoined,
        events.WorkerLeft,
        events.ReplicaChanged,
        events.ReplicaFailed,
        events.ItemsDone,
        events.BatchDone,
        events.BatchLost,
        events.RunOpened,
        events.ItemsAdded,
        events.ItemsReopened,
        events.RunPaused,
        events.RunUnpaused,
        commands.Load,
        commands.Evict,
        commands.Dispatch,
        commands.GiveUp,
    )
}


def account(reader: JournalReader, now: float | None = None) -> Accounts:
    """The books of a run, of all its sittings; also while it goes on or after a crash.

    ``now`` (unix seconds) is for a run that is being worked on: time until then counts.
    """
    tally = Tally()
    seconds, sittings = go_through(reader.events(), tally, now, reader.costs())
    return books(reader, tally, seconds, sittings)


def books(reader: JournalReader, tally: Tally, seconds: float, sittings: int) -> Accounts:
    """From a tally that ``go_through`` has filled, and what that returned."""
    manifest, status, counts = reader.manifest, reader.status, reader.counts()
    return Accounts(
        run=manifest.run,
        name=manifest.name,
        task=manifest.task.name,
        state=status.state,
        error=status.error,
        sittings=sittings,
        items=counts.items,
        finished=counts.finished,
        succeeded=counts.succeeded,
        failed=counts.failed,
        quarantined=counts.quarantined,
        duplicates=counts.duplicates,
        seconds=seconds,
        items_per_second=counts.finished / seconds if seconds else 0.0,
        bound_seconds=tally.bound_seconds,
        efficiency=tally.bound_seconds / seconds if seconds else 0.0,
        split=tally.split,
        batches=tally.batches,
        lost_batches=sum(worker.lost_batches for worker in tally.workers),
        retries=tally.retries,
        context_loads=tally.context_loads,
        load_failures=sum(tally.load_failures.values()),
        overhead_seconds_per_batch=tally.overhead(),
        batch_sizes=tally.batch_sizes(),
        workers=tally.workers,
        contexts=tally.contexts(),
        slowest=[
            SlowItem(msgspec.json.decode(row.key), row.seconds, row.worker, row.kind, row.attempt)
            for row in reader.slowest(SLOWEST_ITEMS)
        ],
        dropped_events=reader.dropped_events,
    )


def go_through(
    log: Iterable[LoggedEvent], tally: Tally, now: float | None, costs: NDArray[np.float64]
) -> tuple[float, int]:
    """Returns the seconds in which a manager was at work, and the number of sittings.

    ``costs``: what the run was told of its items, shape (items,).
    """
    finished = FinishedItems()
    sitting: Sitting | None = None
    seconds = 0.0
    sittings = 0
    for entry in log:
        if sitting is None or entry.kind == MANAGER_STARTED:
            if sitting is not None:
                seconds += _end(sitting, sitting.last_at)
            sitting = Sitting(entry.at, tally, finished, costs)
            sittings += 1
        # A clock that was set back must not make time negative.
        sitting.last_at = at = max(entry.at, sitting.last_at)
        if entry.kind == MANAGER_STOPPED:
            seconds += _end(sitting, at)
            sitting = None
        elif entry.kind in _READ:
            _handle(sitting, tally, entry, at)
    if sitting is not None:
        seconds += _end(sitting, sitting.last_at if now is None else now)
    return seconds, sittings


def _end(sitting: Sitting, at: float) -> float:
    sitting.end(at)
    return sitting.last_at - sitting.started_at


def _handle(sitting: Sitting, tally: Tally, entry: LoggedEvent, at: float) -> None:
    match _READ[entry.kind].decode(entry.body):
        case events.ItemsDone() as event:
            sitting.items_done(event, at)
        case events.BatchDone() as event:
            sitting.batch_done(event, at)
        case commands.Dispatch() as command:
            sitting.dispatched(command, at)
        case events.BatchLost() as event:
            sitting.batch_lost(event, at)
        case events.WorkerJoined() as event:
            sitting.worker_joined(event, at)
        case events.WorkerLeft() as event:
            sitting.worker_left(event, at)
        case commands.Load() as command:
            if command.tier != "disk":
                sitting.load_begun(command.worker, command.context, at)
        case commands.Evict() as command:
            sitting.load_dropped(command.worker, command.context, at)
        case events.ReplicaChanged() as event:
            sitting.replica_changed(event, at)
        case events.ReplicaFailed() as event:
            sitting.replica_failed(event, at)
        case event_of_run:
            _handle_of_run(sitting, event_of_run, at)


def _handle_of_run(sitting: Sitting, event: events.Event | commands.Command, at: float) -> None:
    match event:
        case events.RunOpened():
            sitting.run_opened(event)
        case events.ItemsAdded():
            sitting.items_added(event, at)
        case commands.GiveUp():
            sitting.gave_up(event, at)
        case events.ItemsReopened():
            sitting.reopened(event, at)
        case events.RunPaused() | events.RunUnpaused():
            sitting.paused(at, rests=isinstance(event, events.RunPaused))
