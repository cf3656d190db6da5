"""An entry of the event log in one line, for people.

Contexts are named by the first letters of their digests: an entry does not tell their names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pcm.core import commands, events
from pcm.durations import counted, duration
from pcm.journal import entries
from pcm.journal.kinds import decode
from pcm.journal.records import LoggedEvent
from pcm.telemetry.findings import Finding
from pcm.telemetry.remedies import Remedy

SHOWN_CHARACTERS = 400
GB = 1e9


def told(entry: LoggedEvent) -> str:
    """One line without control characters, of at most ``SHOWN_CHARACTERS``; of a kind that this
    version does not know, its JSON."""
    try:
        found = decode(entry)
    except msgspec.MsgspecError:
        found = None
    text = entry.body.decode(errors="replace") if found is None else words(found)
    line = "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 3] + "..."


def words(entry: msgspec.Struct) -> str:
    """What an event, a command or another entry says. May have several lines."""
    return _WORDS[type(entry)](entry)


def _joined(event: events.WorkerJoined) -> str:
    c = event.capacity
    parts = [c.kind]
    if c.gpus:
        parts.append(f"{counted(c.gpus, 'GPU')} of {c.gpu_memory_bytes / GB:.0f} GB")
    parts += [f"host {c.host}"] if c.host else []
    parts.append(f"pool {c.pool}")
    if event.leaves_in_seconds is not None:
        parts.append(f"leaves in {duration(event.leaves_in_seconds)}")
    return f"worker {event.worker} joined: {', '.join(parts)}"


def _replica_changed(event: events.ReplicaChanged) -> str:
    where = f"context {_short(event.context)} on worker {event.worker}"
    seconds = f" after {duration(event.seconds)}" if event.seconds else ""
    memory = f", {event.memory_bytes / GB:.1f} GB" if event.memory_bytes else ""
    return f"{where}: {event.status} ({event.tier}){seconds}{memory}"


def _replica_failed(event: events.ReplicaFailed) -> str:
    where = f"context {_short(event.context)} on worker {event.worker}"
    return f"{where}: {event.kind.replace('_', ' ')}: {event.error}"


def _items_done(event: events.ItemsDone) -> str:
    failed = f", {len(event.failed)} failed" if event.failed else ""
    return f"batch {event.batch}: {counted(len(event.finished), 'item')} finished{failed}"


def _batch_done(event: events.BatchDone) -> str:
    behind = (
        f", {duration(event.queue_seconds)} behind another" if event.queue_seconds > 0.1 else ""
    )
    return f"batch {event.batch} done in {duration(event.run_seconds)}{behind}"


def _batch_lost(event: events.BatchLost) -> str:
    when = "" if event.started else " before it began"
    return f"batch {event.batch} lost{when}: {event.cause.replace('_', ' ')}{_after(event.detail)}"


def _run_opened(event: events.RunOpened) -> str:
    context = event.context_name or _short(event.context)
    return f"run {event.run} opened: task {event.task_name}, context {context}"


def _items_added(event: events.ItemsAdded) -> str:
    count = int(event.costs["count"])
    done = int(event.finished["sum"]) if event.finished else 0
    before = f", {done:,} of them with results of before" if done else ""
    return f"{counted(count, 'item')} added{before}"


def _dispatch(command: commands.Dispatch) -> str:
    attempt = f", attempt {command.attempt}" if command.attempt > 1 else ""
    over = f" (of {len(command.why)} that were free)" if len(command.why) > 1 else ""
    took = f", about {duration(command.predicted_seconds)}" if command.predicted_seconds else ""
    what = f"batch {command.batch} of {counted(command.item_count, 'item')}"
    return f"{what} to worker {command.worker}{over}{took}{attempt}"


def _give_up(command: commands.GiveUp) -> str:
    return f"item {command.item} {command.kind}" + _after("; ".join(command.history))


def _glideins(entry: entries.GlideinsStand) -> str:
    return "glideins: " + "; ".join(map(_class, entry.classes))


def _class(stand: entries.ClassStand) -> str:
    counts = (
        (stand.wanted, "wanted"),
        (stand.asked, "to be submitted"),
        (stand.queued, "queued"),
        (stand.running, "running"),
        (stand.joined, "joined"),
        (stand.held, "held"),
    )
    parts = [f"{count} {word}" for count, word in counts if count] or ["none wanted"]
    return f"{stand.name} {', '.join(parts)}" + _after(stand.trouble)


def _action(entry: entries.ActionTaken) -> str:
    what = entry.action.replace("_", " ") + (f" {entry.worker}" if entry.worker else "")
    return f"{what}, asked by {entry.by}: {'' if entry.done else 'not done: '}{entry.text}"


def _finding(finding: Finding) -> str:
    where = f"{finding.worker}/{finding.place}" if finding.place else finding.worker
    state = "over" if finding.until_seconds is not None else f"{finding.slowdown:.1f} times slower"
    return f"{finding.condition} {finding.name} on {where}: {state}; {finding.cause}"


def _after(text: str) -> str:
    return f": {text}" if text else ""


def _short(context: str) -> str:
    return context[:8]


def _order(verb: str, order: commands.Load | commands.Offload | commands.Evict) -> str:
    return f"{verb} context {_short(order.context)} on worker {order.worker}{_after(order.reason)}"


_WORDS: dict[type[msgspec.Struct], Callable[[Any], str]] = {
    entries.ManagerStarted: lambda e: f"manager started: process {e.pid} on {e.host}",
    entries.ManagerStopped: lambda e: "manager stopped",
    entries.ActionTaken: _action,
    entries.GlideinsStand: _glideins,
    entries.FileCame: lambda e: (
        f"{e.size_bytes / GB:.3f} GB of context {_short(e.context)} came to worker {e.worker}"
        f" from {'the manager' if e.source == 'manager' else 'another worker'}"
    ),
    events.WorkerJoined: _joined,
    events.WorkerNotice: lambda e: (
        f"worker {e.worker} is to leave in {duration(e.leaves_in_seconds)}"
    ),
    events.WorkerLeft: lambda e: f"worker {e.worker} left: {e.cause}{_after(e.detail)}",
    events.ReplicaChanged: _replica_changed,
    events.ReplicaFailed: _replica_failed,
    events.ItemsDone: _items_done,
    events.BatchDone: _batch_done,
    events.BatchLost: _batch_lost,
    events.RunOpened: _run_opened,
    events.ItemsAdded: _items_added,
    events.RunClosed: lambda e: f"run {e.run}: all its items are known",
    events.RunCancelled: lambda e: f"run {e.run} cancelled",
    events.RunPaused: lambda e: f"run {e.run} paused",
    events.RunUnpaused: lambda e: f"run {e.run} goes on",
    events.ItemsReopened: lambda e: (
        f"{counted(sum(stop - start for start, stop in e.ranges), 'failed item')} to be tried again"
    ),
    events.PoolSized: lambda e: f"pool {e.pool} is to have {counted(e.workers, 'worker')}",
    events.ProvisionFailed: lambda e: (
        f"{counted(e.workers, 'worker')} of pool {e.pool} did not come: {e.error}"
    ),
    events.PoolOffered: lambda e: (
        f"pool {e.pool} is offered, with {e.least} to {counted(e.most, 'worker')}"
    ),
    events.PoolState: lambda e: f"pool {e.pool}: {counted(e.coming, 'worker')} on the way",
    events.SkewChanged: lambda e: (
        f"worker {e.worker} is {e.score:.2f} times slower than its kind"
        if e.score > 1.0
        else f"worker {e.worker} is as fast as its kind"
    ),
    events.WorkerCondemned: lambda e: f"worker {e.worker} is better replaced: {e.reason}",
    events.WorkerDrained: lambda e: f"worker {e.worker} is not wanted any more",
    commands.Load: lambda c: _order("load" if c.tier == "gpu" else f"bring to {c.tier}", c),
    commands.Offload: lambda c: _order("offload", c),
    commands.Evict: lambda c: _order("give up", c),
    commands.Dispatch: _dispatch,
    commands.Cancel: lambda c: f"take batch {c.batch} back from worker {c.worker}: {c.reason}",
    commands.Retire: lambda c: (
        f"{'kill' if c.force else 'retire'} worker {c.worker}{_after(c.reason)}"
    ),
    commands.Provision: lambda c: f"start {counted(c.workers, 'worker')} in pool {c.pool}",
    commands.Want: lambda c: (
        f"pool {c.pool} shall have {counted(c.workers, 'worker')}{_after(c.reason)}"
    ),
    commands.GiveUp: _give_up,
    commands.Finish: lambda c: f"run {c.run} {c.outcome}{_after(c.error)}",
    Finding: _finding,
    Remedy: lambda r: f"{r.kind} {r.worker or 'transfers'}: {r.reason}",
}
