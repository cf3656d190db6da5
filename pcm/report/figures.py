"""What a run's time went into, and what else can be counted of it."""

from __future__ import annotations

from typing import Any

import msgspec


class Split(msgspec.Struct, frozen=True):
    """Worker seconds: how long workers were there, and what for. The five parts add up.

    useful: running batches, as far as their results were kept; loading: bringing a context up,
    whether that succeeded or not, while nothing ran; lost: running what had to be done again or
    came twice. The rest is idle where items of the run waited meanwhile that nobody worked on, and
    no_work where none did: before it was opened, and when the last ones were in other hands.
    """

    useful_seconds: float = 0.0
    loading_seconds: float = 0.0
    lost_seconds: float = 0.0
    idle_seconds: float = 0.0
    no_work_seconds: float = 0.0

    @property
    def joined_seconds(self) -> float:
        return (
            self.useful_seconds
            + self.loading_seconds
            + self.lost_seconds
            + self.idle_seconds
            + self.no_work_seconds
        )

    def __add__(self, other: Split) -> Split:
        return Split(
            self.useful_seconds + other.useful_seconds,
            self.loading_seconds + other.loading_seconds,
            self.lost_seconds + other.lost_seconds,
            self.idle_seconds + other.idle_seconds,
            self.no_work_seconds + other.no_work_seconds,
        )


class WorkerAccount(msgspec.Struct, frozen=True):
    """One worker. ``items`` counts those whose results were kept."""

    worker: str
    kind: str
    host: str
    split: Split
    items: int
    batches: int
    lost_batches: int
    context_loads: int
    left: str = ""
    """Why it left (retired, evicted, lost, refused); empty if it was there to the end."""


class ContextAccount(msgspec.Struct, frozen=True):
    """One context over all workers; what is idle is a worker and not a context."""

    context: str
    name: str
    split: Split
    batches: int
    loads: int
    load_failures: int
    load_seconds_median: float | None


class BatchSizes(msgspec.Struct, frozen=True):
    """Items per dispatched batch."""

    least: int
    median: float
    most: int


class SlowItem(msgspec.Struct, frozen=True):
    """An item that took long in its task."""

    key: str | int
    seconds: float
    worker: str
    kind: str
    attempt: int


class Accounts(msgspec.Struct, frozen=True):
    """The books of a run, over all its sittings.

    ``seconds`` counts only the time in which a manager worked on the run. ``failed`` are items
    whose task raised, ``quarantined`` those given up after several deaths. ``lost_batches`` had
    started, did not come to their end, and left items for others to compute; one that was overtaken
    by its copy did not. ``retries`` are attempts after a task had raised.
    ``overhead_seconds_per_batch``: median over batches of the time from dispatch to the end, as the
    manager sees them, less waiting and running on the worker; None if no batch was finished.

    ``bound_seconds``: before that no scheduler could have been done with what has results now, with
    these workers (``pcm.report.bound``), summed over the sittings; ``efficiency`` is that over
    ``seconds``, from 0 (nothing was done) to 1 (nobody could have been faster).
    """

    run: str
    name: str
    task: str
    state: str
    error: str
    sittings: int
    items: int
    finished: int
    succeeded: int
    failed: int
    quarantined: int
    duplicates: int
    seconds: float
    items_per_second: float
    bound_seconds: float
    efficiency: float
    split: Split
    batches: int
    lost_batches: int
    retries: int
    context_loads: int
    load_failures: int
    overhead_seconds_per_batch: float | None
    batch_sizes: BatchSizes | None
    workers: list[WorkerAccount]
    contexts: list[ContextAccount]
    slowest: list[SlowItem]
    dropped_events: int = 0
    """How many of the oldest entries of the event log are gone, since there were so many: what they
    told of is in none of the above but the counts of items."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain
