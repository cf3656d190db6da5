"""What happened: everything the scheduler is ever told.

An event is a fact about the past; the scheduler cannot refuse it. Events are the only input of the
core. They are logged in the order in which they were handled, but for Ticks, and with counts in
place of arrays: a run's costs are with its items in the journal. Times are seconds; sizes are
bytes. Worker, context and run are named by their ids.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Tier = Literal["absent", "disk", "host", "gpu"]
"""Where a context is on a worker. On a worker without a GPU, ``gpu`` means: loaded and ready."""

ReplicaStatus = Literal["staging", "loading", "warm", "parked", "draining", "failed"]
"""parked: it left the accelerator for the host's memory, from where it comes back by a Load."""

LeaveCause = Literal["retired", "evicted", "lost", "refused"]
"""retired: we asked for it; evicted: its owner took it, with notice; lost: it went without a word;
refused: it never became usable (wrong protocol, broken machine)."""

LossCause = Literal["replica_died", "deadline", "cancelled", "evicted", "refused", "too_large"]
"""Why a batch came back unfinished from a worker that is still there.

replica_died: the process that held the model ended (crash, out of memory);
deadline: it was cancelled for lack of progress; cancelled: we took it back for another reason;
evicted: the worker is leaving and gives it back; refused: the worker had no such replica;
too_large: its items, more than one, are more than a message can hold, and were not sent.
"""


class Event(msgspec.Struct, frozen=True, tag_field="event", tag=str):
    """Base of all events. The scheduler numbers them in the order in which it handles them, Ticks
    too: that number is an event's id."""


class Requirements(msgspec.Struct, frozen=True):
    """What a context needs of a worker. Zero means: no requirement."""

    gpus: int = 0
    gpu_memory_bytes: int = 0
    memory_bytes: int = 0


class Capacity(msgspec.Struct, frozen=True):
    """What a worker offers. ``kind`` groups workers of equal speed (GPU model, or cpu)."""

    kind: str = "cpu"
    gpus: int = 0
    gpu_memory_bytes: int = 0
    memory_bytes: int = 0
    cores: int = 1
    host: str = ""
    pool: str = "local"
    zone: str = ""
    """Whose machines are taken away together, if it is known: a site, a rack."""


# -- workers -----------------------------------------------------------------------------------


class WorkerJoined(Event, frozen=True):
    """A worker is ready to load contexts. Its id was never used before.

    ``leaves_in_seconds``: when it will have to go, if that is known beforehand (its walltime).
    """

    worker: str
    capacity: Capacity
    leaves_in_seconds: float | None = None


class WorkerNotice(Event, frozen=True):
    """A worker will leave within the given time: send it nothing more."""

    worker: str
    leaves_in_seconds: float


class WorkerLeft(Event, frozen=True):
    """A worker is gone, and with it its replicas and the unfinished items of its batches."""

    worker: str
    cause: LeaveCause
    detail: str = ""


class ReplicaChanged(Event, frozen=True):
    """A context on a worker reached a tier or a status.

    ``seconds`` is the time the change took (for ``warm``: from the order to the ready answer).
    ``memory_bytes`` is what it takes of the accelerator, or of the machine where there is none;
    ``host_bytes`` what a parked one takes of the machine's beside an accelerator. ``parks``:
    whether a warm one can be offloaded.
    """

    worker: str
    context: str
    tier: Tier
    status: ReplicaStatus
    seconds: float = 0.0
    memory_bytes: int = 0
    parks: bool = False
    host_bytes: int = 0


class ReplicaFailed(Event, frozen=True):
    """A context could not be loaded on a worker, or its process died (kind ``died``)."""

    worker: str
    context: str
    kind: Literal["loader_error", "load_timeout", "died"]
    error: str
    seconds: float = 0.0


# -- batches -----------------------------------------------------------------------------------


class ItemsDone(Event, frozen=True):
    """Some items of a batch have an outcome. Positions count within the batch.

    The results of ``finished`` are already durable when the core hears of them.
    """

    batch: int
    finished: tuple[int, ...]
    failed: tuple[int, ...] = ()


class BatchDone(Event, frozen=True):
    """Every item of the batch has had its outcome. Seconds are the worker's own measure:
    ``queue_seconds`` waiting behind other batches there, ``run_seconds`` in the user's task.

    ``kept``: the tasks of which the replica now keeps state of their own, such as that of the
    prefix which their prompts share; None: the same as before.
    """

    batch: int
    run_seconds: float
    queue_seconds: float = 0.0
    kept: tuple[str, ...] | None = None


class BatchLost(Event, frozen=True):
    """The batch ended early on a worker that is still there; items without outcome come back.

    ``started`` is False if the batch was still waiting behind another: then nothing is held
    against its items.
    """

    batch: int
    cause: LossCause
    started: bool = True
    detail: str = ""


# -- runs --------------------------------------------------------------------------------------


class RunOpened(Event, frozen=True):
    """A run exists; its items follow in ``ItemsAdded`` until ``RunClosed``."""

    run: str
    context: str
    context_name: str = ""
    task_name: str = ""
    task: str = ""
    """The task's identity; runs of the same task share the state that replicas keep of it."""
    requirements: Requirements = Requirements()
    retries: int = 0
    """How often an item whose task raised is tried again."""
    batch_items: int | None = None
    """A fixed batch size, where the user gave one; else batches are sized by the core."""
    item_timeout_seconds: float | None = None
    """The user's bound on the time of one item; else leases end by lack of progress."""
    failure_limit: int | None = 100
    """The run fails after this many failed items without a single success."""


class ItemsAdded(Event, frozen=True):
    """More items of a run: consecutive indices from the run's present count on.

    ``costs``: float64 array, shape (items,), any unit > 0, proportional to expected work.
    ``finished``: optional bool array, same shape: items with a final row already (a resumed run).
    """

    run: str
    costs: Any
    finished: Any = None


class RunClosed(Event, frozen=True):
    """No more items will be added to the run."""

    run: str


class RunCancelled(Event, frozen=True):
    """The user takes the run back; what is in flight is cancelled."""

    run: str


class RunPaused(Event, frozen=True):
    """The user wants the run to rest: it gets no new batches, and those it has go on to their end.
    Its contexts stay where they are as those of any run without work do."""

    run: str


class RunUnpaused(Event, frozen=True):
    """The user wants the run to go on."""

    run: str


class ItemsReopened(Event, frozen=True):
    """Items that had a final row, and have none any more, wait again. They were in no batch.

    ``ranges``: item indices, half-open.
    """

    run: str
    ranges: tuple[tuple[int, int], ...]


# -- the pool and the clock ----------------------------------------------------------------------


class PoolSized(Event, frozen=True):
    """The user wants this many workers of a pool from now on."""

    pool: str
    workers: int


class ProvisionFailed(Event, frozen=True):
    """Workers that were asked for did not come to be. ``permanent``: nor will they if they are
    asked for again, since the pool cannot have so many."""

    pool: str
    workers: int
    error: str
    permanent: bool = False


class PoolOffered(Event, frozen=True):
    """The user offers a pool whose size the core chooses, between ``least`` and ``most`` workers.

    ``offers`` is what each of its workers has at least; its ``kind`` is empty unless the pool has
    only workers of one kind.
    """

    pool: str
    most: int
    offers: Capacity
    least: int = 0


class PoolState(Event, frozen=True):
    """How an offered pool stands; told whenever it changes.

    ``coming``: workers that were wanted and have not joined, queued or starting.
    ``wait_seconds``: how long they wait from being asked for until they join, as measured.
    """

    pool: str
    coming: int
    wait_seconds: float | None = None


class SkewChanged(Event, frozen=True):
    """A worker is slower by this factor (>= 1) now than its batches have shown so far, says
    telemetry. ``score``: by how much it is slower than its kind altogether, for people."""

    worker: str
    factor: float
    score: float = 1.0


class WorkerCondemned(Event, frozen=True):
    """It is better replaced: whatever slows it stays behind when it goes."""

    worker: str
    reason: str


class WorkerDrained(Event, frozen=True):
    """The user does not want this worker: it gets nothing more, ends what it was given, and goes.
    Its pool has as many workers as before, so that another comes in its place."""

    worker: str


class Tick(Event, frozen=True):
    """Time has passed."""
