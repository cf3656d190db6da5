"""Every message between the manager side and a worker, as typed structs: the only shared file.

A *frame* is a msgpack array of messages, preceded on byte streams by its length (4 bytes, big
endian). The manager side decodes with msgspec only: nothing a worker sends is ever unpickled.
What goes to a worker may be pickled (``payload`` fields, and items that are not plain data), since
the worker runs the user's code anyway. Times are seconds, sizes bytes.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

T = TypeVar("T")

PROTOCOL_VERSION = 1
MAX_FRAME_BYTES = 1 << 30
LENGTH_BYTES = 4
MAX_READINGS = 1000
PICKLED_EXTENSION = 1
"""msgpack extension code of a cloudpickled object (items towards the worker only)."""


class Message(msgspec.Struct, frozen=True, array_like=True, tag=str):
    """Base of all messages."""


class ErrorReport(msgspec.Struct, frozen=True, array_like=True):
    """An exception, in words. ``traceback`` starts at the user's code, not at ours."""

    type: str
    message: str
    traceback: str = ""
    log_tail: str = ""

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


class Gpu(msgspec.Struct, frozen=True):
    """One accelerator as its driver describes it."""

    index: int
    uuid: str
    name: str
    memory_bytes: int


class Machine(msgspec.Struct, frozen=True):
    """What a worker is, found out by its probe."""

    host: str
    cores: int
    memory_bytes: int
    disk_bytes: int
    python: str
    gpus: tuple[Gpu, ...] = ()
    packages: dict[str, str] = {}
    zone: str = ""
    """Whose machines are taken away together, if it is known: a site, a rack."""

    @property
    def kind(self) -> str:
        """The class of equal speed this machine belongs to."""
        return self.gpus[0].name if self.gpus else "cpu"


class StagedFile(msgspec.Struct, frozen=True, array_like=True):
    """One file of a tree; ``digest`` is the hex BLAKE2b (16 bytes) of its content."""

    name: str
    """Relative to the tree, with ``/``; may not lead out of it."""
    size_bytes: int
    digest: str
    modified_ns: int
    """When it was last written beside the manager, in nanoseconds since 1970."""


class Tree(msgspec.Struct, frozen=True, array_like=True):
    """Files that one argument of a loader stands for, as they are beside the manager.

    A worker uses what it has of them already, at the same path or in its own hub cache; it is sent
    the rest. The loader is given the place where they are there.
    """

    argument: int | str
    """Position among the loader's ``args``, or name among its ``kwargs``."""
    path: str
    """Absolute: of the file, or of the directory."""
    files: tuple[StagedFile, ...]
    is_file: bool = False
    """Whether the path is that of the only file, not of the directory that holds it."""
    hub: str = ""
    """The hub's name of the model, if the argument is one; ``path`` is its snapshot then."""
    commit: str = ""
    """Of the hub's model."""


# -- orders: manager side to worker --------------------------------------------------------------


class LoadContext(Message, frozen=True):
    """Start a replica: ``payload`` is cloudpickle of ``(loader, args, kwargs, probe | None)``.

    With the tier ``disk`` only have its files there, until it is loaded (by another order, ``gpu``)
    or dropped: nothing is started, and what computes meanwhile goes on.

    ``imports`` are imported by the worker's template process before it forks the replica, and while
    files are brought; a name that ends with ``?`` may be missing there. The time to stage ``trees``
    does not count towards the timeout. ``places`` come from the supervisor, for
    its replica: the paths that the loader is given in place of these arguments. With several
    ``ranks`` the replica is as many processes, each of which runs the loader and every batch: what
    the first of them gives are the results.
    """

    context: str
    name: str
    payload: bytes
    imports: tuple[str, ...] = ()
    timeout_seconds: float = 600.0
    trees: tuple[Tree, ...] = ()
    places: dict[int | str, str] = {}
    tier: Literal["disk", "gpu"] = "gpu"
    ranks: int = 1


class OffloadContext(Message, frozen=True):
    """Let a warm replica without batches leave the accelerator and keep its process: ``parked``,
    until LoadContext brings it back or DropContext ends it. Where it cannot, it is ended."""

    context: str


class DropContext(Message, frozen=True):
    """End the replica and free everything it holds; let go of files that were brought ahead."""

    context: str


class DefineTask(Message, frozen=True):
    """``payload`` is cloudpickle of ``(function, arguments: dict)``; sent once per worker."""

    task: str
    name: str
    payload: bytes


class RunBatch(Message, frozen=True):
    """Run a task over items on a replica; batches of one replica run in the order of arrival.

    Each of ``items`` is msgpack of one item (PICKLED_EXTENSION where it is not plain data).
    """

    batch: int
    context: str
    task: str
    items: list[bytes]


class CancelBatch(Message, frozen=True):
    """Give the batch back. If it is already running, its replica is ended with it."""

    batch: int
    reason: Literal["deadline", "cancelled"] = "cancelled"


class Leave(Message, frozen=True):
    """End the worker: batches that have not begun are given back, those that run may finish within
    the grace period."""

    grace_seconds: float = 0.0


# -- reports: worker to manager side -------------------------------------------------------------


class Hello(Message, frozen=True):
    """The first message of every worker. ``leaves_in_seconds``: when its time there will be over,
    such as by a walltime; 0: that is not known."""

    worker: str
    machine: Machine
    pid: int
    protocol: int = PROTOCOL_VERSION
    pcm: str = ""
    leaves_in_seconds: float = 0.0


class ReplicaState(Message, frozen=True):
    """``staging`` when it waits for files; ``loading`` when the replica's process runs the loader;
    ``warm`` when its probe answered; ``absent`` when it was ended by an order: DropContext, or a
    CancelBatch of what it was running, or could not be offloaded. ``staged`` when the files are
    there of a context of which no more was ordered; such a one is never ``staging``. ``parked``
    when it has left the accelerator. ``seconds``: from the order that led here to now, without the
    time for files; 0 for ``staging``, ``staged`` and ``absent``.

    ``memory_bytes``: of the accelerator (of several: of that with the most), or of the machine
    where there is none; also what a parked one still takes. ``host_bytes``: what a parked one takes
    of the machine's beside an accelerator.
    ``parks``: whether a warm one can be offloaded.
    """

    context: str
    status: Literal["staging", "loading", "warm", "parked", "absent", "staged"]
    seconds: float = 0.0
    memory_bytes: int = 0
    pid: int = 0
    parks: bool = False
    host_bytes: int = 0


class ReplicaFault(Message, frozen=True):
    """The replica is gone: its loader raised or took too long, or its process died."""

    context: str
    kind: Literal["loader_error", "load_timeout", "died"]
    error: ErrorReport
    seconds: float = 0.0


class FileState(Message, frozen=True):
    """What the worker has of a file that it was told of in a tree.

    ``wanted``: it needs the file from elsewhere, the first ``have_bytes`` excepted. ``whole``: it
    has the file in its store, verified. ``damaged``: what came is not what was announced, and was
    thrown away; also the answer to a call that no context needs (any more). ``published``: it gave
    the file to TaskVine, for other workers to fetch.
    """

    digest: str
    status: Literal["wanted", "whole", "damaged", "published"]
    have_bytes: int = 0
    detail: str = ""


class ItemResult(msgspec.Struct, frozen=True, array_like=True):
    """The outcome of one item: ``value`` is msgpack of what the task gave, or ``error`` is set."""

    position: int
    seconds: float
    value: bytes | None = None
    error: ErrorReport | None = None


class ItemResults(Message, frozen=True):
    """Outcomes of some items of a batch, in the order in which they were made. ``made_seconds``:
    when the first was, by the worker's monotonic clock, as its replica tells its supervisor; else
    0."""

    batch: int
    results: list[ItemResult]
    made_seconds: float = 0.0


class BatchEnd(Message, frozen=True):
    """The batch is over. ``done``: every item had its outcome. Else items without one come back,
    for the given cause; ``started`` tells whether the task had begun. ``kept``: the tasks of which
    the replica now keeps state, such as that of a prefix; None: the same as before."""

    batch: int
    outcome: Literal["done", "replica_died", "deadline", "cancelled", "evicted", "refused"]
    queue_seconds: float = 0.0
    run_seconds: float = 0.0
    started: bool = True
    detail: str = ""
    kept: tuple[str, ...] | None = None


class Notice(Message, frozen=True):
    """The worker was told to go (SIGTERM) and will be gone within this time."""

    leaves_in_seconds: float


class Telemetry(Message, frozen=True):
    """What was read of the worker over the ``seconds`` before ``end_seconds`` by its own clock
    (seconds since 1970): signal, place and value of each reading, named as in
    ``pcm/telemetry/signals.py``. Values are finite; there are at most MAX_READINGS."""

    end_seconds: float
    seconds: float
    readings: list[tuple[str, str, float]]


class Decoded(Message, frozen=True):
    """What a language model did since it was told last, by a replica to its supervisor and nobody
    else: prompt tokens that it was given, tokens that it made, and for how long it decoded.
    ``active_seconds`` are those of all its streams together, ``slot_seconds`` those of all the
    streams for which there was room, had none ended before the others."""

    prompt_tokens: int
    tokens: int
    seconds: float
    active_seconds: float
    slot_seconds: float


class Goodbye(Message, frozen=True):
    """The last message of a worker that ends in good order."""

    cause: Literal["retired", "evicted"]


Order = LoadContext | OffloadContext | DropContext | DefineTask | RunBatch | CancelBatch | Leave
Report = (
    Hello
    | ReplicaState
    | ReplicaFault
    | FileState
    | ItemResults
    | BatchEnd
    | Notice
    | Telemetry
    | Decoded
    | Goodbye
)

_encoder = msgspec.msgpack.Encoder()
_orders = msgspec.msgpack.Decoder(list[Order])
_reports = msgspec.msgpack.Decoder(list[Report])


def encode(messages: list[Order] | list[Report] | list[Message]) -> bytes:
    """A frame's body (without the length prefix)."""
    return _encoder.encode(messages)


def decode_orders(body: bytes | memoryview) -> list[Order]:
    """Raises msgspec.ValidationError or DecodeError for what is not a frame of orders."""
    return _decoded(_orders, body)


def decode_reports(body: bytes | memoryview) -> list[Report]:
    """Raises msgspec.ValidationError or DecodeError for what is not a frame of reports."""
    return _decoded(_reports, body)


def _decoded(decoder: msgspec.msgpack.Decoder[T], body: bytes | memoryview) -> T:
    try:
        return decoder.decode(body)
    except (RecursionError, UnicodeDecodeError) as fault:  # msgspec lets these through
        raise msgspec.DecodeError(str(fault)) from None
