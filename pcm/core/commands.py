"""What shall be done: everything the scheduler ever asks for.

Commands are orders, not facts: the engine may fail to carry them out and then says so by an event.
``cause`` is the id of the event that caused the command (its number in the order handled).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from pcm.core.events import Tier

Ranges = tuple[tuple[int, int], ...]
"""Item indices of a run as half-open ranges, in the order in which they are sent."""

RunOutcome = Literal["completed", "cancelled", "failed"]


class Command(msgspec.Struct, frozen=True, tag_field="command", tag=str):
    """Base of all commands."""


class Score(msgspec.Struct, frozen=True):
    """The terms of one candidate's score, in seconds; the least sum of the terms wins."""

    worker: str
    free_in: float
    """Until the worker has finished what it was given."""
    warm_in: float
    """To compute the state that its task keeps there, such as that of a prefix. The context itself
    is warm: whether one more load pays is decided before (``Load.reason`` says why), for all that
    waits and not for one batch."""
    work: float
    """This batch at the worker's measured speed, times its skew."""
    risk: float = 0.0
    """Expected loss by eviction during the batch."""

    @property
    def total(self) -> float:
        return self.free_in + self.warm_in + self.work + self.risk


class Load(Command, frozen=True):
    """Bring a context to a tier on a worker."""

    worker: str
    context: str
    cause: int
    tier: Tier = "gpu"
    reason: str = ""


class Offload(Command, frozen=True):
    """Move a warm context to its worker's host memory: answered by ``parked``, or by ``absent``."""

    worker: str
    context: str
    cause: int
    reason: str = ""


class Evict(Command, frozen=True):
    """Give up a context on a worker altogether."""

    worker: str
    context: str
    cause: int
    reason: str = ""


class Dispatch(Command, frozen=True):
    """Send a batch to a worker on which its context is warm."""

    batch: int
    run: str
    worker: str
    context: str
    ranges: Ranges
    attempt: int
    cause: int
    predicted_seconds: float
    why: tuple[Score, ...] = ()
    """The winner's terms first, then those of the best losers, if there was a choice."""

    @property
    def item_count(self) -> int:
        return sum(stop - start for start, stop in self.ranges)


class Cancel(Command, frozen=True):
    """Take a batch back. The worker answers with BatchLost, or with BatchDone if it was faster."""

    batch: int
    worker: str
    cause: int
    reason: Literal["deadline", "cancelled"]


class Retire(Command, frozen=True):
    """Let a worker go; ``force`` kills it without waiting for what it is doing."""

    worker: str
    cause: int
    reason: str
    force: bool = False


class Provision(Command, frozen=True):
    """Start so many more workers in a pool, not before ``after_seconds`` have passed."""

    pool: str
    workers: int
    cause: int
    after_seconds: float = 0.0


class Want(Command, frozen=True):
    """An offered pool shall have so many workers in all, those included that are there.

    What is missing is asked for; of what is too many only those are taken back that have not
    joined. Workers that are there leave by ``Retire``.
    """

    pool: str
    workers: int
    cause: int
    reason: str = ""


class GiveUp(Command, frozen=True):
    """An item has its final outcome, and it is a failure.

    failed: its task raised (the last error is in the journal); quarantined: it was in flight at
    several deaths or timeouts, which ``history`` tells, a line each.
    """

    run: str
    item: int
    kind: Literal["failed", "quarantined"]
    cause: int
    history: tuple[str, ...] = ()


class Finish(Command, frozen=True):
    """Nothing more will happen to the run. ``error`` says why it failed."""

    run: str
    outcome: RunOutcome
    cause: int
    error: str = ""
