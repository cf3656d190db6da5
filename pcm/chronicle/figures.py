"""What a chronicle answers with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from pcm.chronicle.lane import Lane
from pcm.core.events import RunOpened

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run is. ``finished`` counts failed items too; ``in_flight`` and ``waiting`` are the
    others. ``lost_batches`` and ``retries``: as in ``pcm.report.figures.Accounts``; ``evictions``:
    workers that were taken or lost."""

    items: int
    finished: int
    failed: int
    in_flight: int
    waiting: int
    retries: int
    batches: int
    lost_batches: int
    evictions: int
    duplicates: int


class Crew(NamedTuple):
    """How many workers are in which state."""

    idle: int
    loading: int
    warm: int
    working: int
    leaving: int

    @property
    def workers(self) -> int:
        return sum(self)


class Shares(NamedTuple):
    """Worker seconds until a moment, as ``pcm.report.figures.Split`` defines the parts."""

    useful: float
    loading: float
    lost: float
    idle: float
    no_work: float


class Curves(NamedTuple):
    """Series, arrays of one shape. ``at``: unix seconds. ``items_per_second`` and the last five,
    shares of the workers' time, are of the interval that ends there (0 at the first point)."""

    at: Floats
    finished: Ints
    failed: Ints
    items_per_second: Floats
    workers: Ints
    loading: Ints
    working: Ints
    useful: Floats
    loading_share: Floats
    lost: Floats
    idle: Floats
    no_work: Floats


class Eta(msgspec.Struct, frozen=True):
    """When the run will be done, seconds from the moment asked for: of ten ends, nine lie between
    ``soonest`` and ``latest``."""

    seconds: float
    soonest_seconds: float
    latest_seconds: float


class Trouble(msgspec.Struct, frozen=True):
    """One thing that a person should know of; ``mend`` says what to do, ``tab`` where there is more
    of it."""

    grade: Literal["bad", "warning", "note"]
    what: str
    mend: str = ""
    tab: Literal["workers", "contexts", "items", "glideins", "findings", "events"] = "events"


class SittingStand(msgspec.Struct, frozen=True):
    """A sitting until a moment: unix seconds, the cost of what was done in it, what it was told of
    the run, and every stay of a worker in it."""

    began_at: float
    until: float
    work: float
    opened: RunOpened | None
    lanes: Sequence[Lane]
