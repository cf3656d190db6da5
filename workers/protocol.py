"""Every message between the manager side and a worker, as typed structs: the only shared file.

A *frame* is a msgpack array of messages, preceded on byte streams by its length (4 bytes, big
endian). The manager side decodes with msgspec only: nothing a worker sends is ever unpickled.
What goes to a worker may be pickled (``payload`` fields, and items that are not plain data), since
the worker runs the user's code anyway. Times are seconds, sizes bytes.
"""

from __future__ import annotations

from typing import Literal

import msgspec

PROTOCOL_VERSION = 1
MAX_FRAME_BYTES = 1 << 30
LENGTH_BYTES = 4
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

    @property
    def kind(self) -> str:
        """The class of equal speed this machine belongs to."""
        return self.gpus[0].name if self.gpus else "cpu"


# -- orders: manager side to worker --------------------------------------------------------------


class LoadContext(Message, frozen=True):
    """Start a replica: ``payload`` is cloudpickle of ``(loader, args, kwargs, probe | None)``.

    ``imports`` are imported by the worker's template process before it forks the replica.
    """

    context: str
    name: str
    payload: bytes
    imports: tuple[str, ...] = ()
    timeout_seconds: float = 600.0


class DropContext(Message, frozen=True):
    """End the replica and free everything it holds."""

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
    """The first message of every worker."""

    worker: str
    machine: Machine
    pid: int
    protocol: int = PROTOCOL_VERSION
    pcm: str = ""


class ReplicaState(Message, frozen=True):
    """``loading`` when the replica's process runs the loader; ``warm`` when its probe answered;
    ``absent`` when it was ended by an order: DropContext, or a CancelBatch of what it was running.
    ``seconds``: from the order to load it to now; 0 for ``absent``."""

    context: str
    status: Literal["loading", "warm", "absent"]
    seconds: float = 0.0
    memory_bytes: int = 0
    pid: int = 0


class ReplicaFault(Message, frozen=True):
    """The replica is gone: its loader raised or took too long, or its process died."""

    context: str
    kind: Literal["loader_error", "load_timeout", "died"]
    error: ErrorReport
    seconds: float = 0.0


class ItemResult(msgspec.Struct, frozen=True, array_like=True):
    """The outcome of one item: ``value`` is msgpack of what the task gave, or ``error`` is set."""

    position: int
    seconds: float
    value: bytes | None = None
    error: ErrorReport | None = None


class ItemResults(Message, frozen=True):
    """Outcomes of some items of a batch, in the order in which they were made."""

    batch: int
    results: list[ItemResult]


class BatchEnd(Message, frozen=True):
    """The batch is over. ``done``: every item had its outcome. Else items without one come back,
    for the given cause; ``started`` tells whether the task had begun."""

    batch: int
    outcome: Literal["done", "replica_died", "deadline", "cancelled", "evicted", "refused"]
    queue_seconds: float = 0.0
    run_seconds: float = 0.0
    started: bool = True
    detail: str = ""


class Notice(Message, frozen=True):
    """The worker was told to go (SIGTERM) and will be gone within this time."""

    leaves_in_seconds: float


class Goodbye(Message, frozen=True):
    """The last message of a worker that ends in good order."""

    cause: Literal["retired", "evicted"]


Order = LoadContext | DropContext | DefineTask | RunBatch | CancelBatch | Leave
Report = Hello | ReplicaState | ReplicaFault | ItemResults | BatchEnd | Notice | Goodbye

_encoder = msgspec.msgpack.Encoder()
_orders = msgspec.msgpack.Decoder(list[Order])
_reports = msgspec.msgpack.Decoder(list[Report])


def encode(messages: list[Order] | list[Report] | list[Message]) -> bytes:
    """A frame's body (without the length prefix)."""
    return _encoder.encode(messages)


def decode_orders(body: bytes | memoryview) -> list[Order]:
    """Raises msgspec.ValidationError or DecodeError for what is not a frame of orders."""
    return _orders.decode(body)


def decode_reports(body: bytes | memoryview) -> list[Report]:
    """Raises msgspec.ValidationError or DecodeError for what is not a frame of reports."""
    return _reports.decode(body)
