"""What goes into a journal and what comes out of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

Verdict = Literal["succeeded", "failed", "quarantined"]
"""The final outcome of an item. failed: its task raised; quarantined: it was given up because it
was in flight at several deaths or timeouts."""

VERDICTS: tuple[Verdict, ...] = ("succeeded", "failed", "quarantined")
"""In the order of the numbers by which the file stores them."""

State = Literal["open", "completed", "failed", "cancelled"]

Durability = Literal["power", "process"]
"""What committed rows survive, besides the death of the manager at any point.

process: the disk is flushed once per second at most, so a power cut may take the commits of less
than a second, never the file; their items are computed again. power: every commit is flushed."""


class Item(NamedTuple):
    """One input row: JSON text of its key, its packed content, and its expected work (> 0)."""

    key: str
    payload: bytes
    cost: float = 1.0


class Outcome(NamedTuple):
    """What became of one item in one batch: msgpack of a value, or of an ``ErrorReport``.

    ``kind`` is that of the worker (its GPU model, or cpu); ``seconds`` the time of the item in the
    task; ``at`` unix seconds.
    """

    item: int
    value: bytes | None
    error: bytes | None
    worker: str
    kind: str
    batch: int
    attempt: int
    seconds: float
    at: float


class StoredRow(NamedTuple):
    """The final row of an item. ``seq`` counts rows in the order of finishing, from 1 on."""

    seq: int
    item: int
    key: str
    verdict: Verdict
    value: bytes | None
    error: bytes | None
    worker: str
    kind: str
    batch: int
    attempt: int
    seconds: float
    at: float


class Attempt(NamedTuple):
    """A failed attempt at an item; ``error`` is msgpack of an ``ErrorReport``."""

    item: int
    attempt: int
    batch: int
    worker: str
    kind: str
    error: bytes
    seconds: float
    at: float


class LoggedEvent(NamedTuple):
    """An entry of the event log: ``kind`` is the struct's name, ``body`` its JSON."""

    seq: int
    at: float
    kind: str
    body: bytes


class Counts(msgspec.Struct, frozen=True):
    """How far a run is. ``duplicates``: results that came for items which already had one."""

    items: int
    finished: int
    succeeded: int
    failed: int
    quarantined: int
    duplicates: int
    failed_attempts: int

    @property
    def remaining(self) -> int:
        return self.items - self.finished


class RunStatus(msgspec.Struct, frozen=True):
    """What the journal says of its run. ``open`` is also the state after a crash of the manager
    (``pcm.journal.owner`` tells whether one is at work). ``ended``: unix seconds."""

    state: State
    sealed: bool
    error: str = ""
    ended: float | None = None
