"""What may be asked with a route of the API: a struct of parameters each, checked as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from pcm.errors import InputError

MOST_ROWS = 1000
MOST_POINTS = 2000
MOST_COLUMNS = 4000
MOST_LANES = 500

Offset = Annotated[int, Meta(ge=0)]
Limit = Annotated[int, Meta(ge=1, le=MOST_ROWS)]
Search = Annotated[str, Meta(max_length=300)]

WorkerOrder = Literal[
    "worker", "state", "kind", "host", "zone", "pool", "joined_at", "items", "items_per_second",
    "relative_speed", "skew", "lost_batches", "batch",
]  # fmt: skip
StateFilter = Literal["", "here", "idle", "loading", "warm", "working", "leaving", "gone"]
"""here: all but those that are gone."""
LaneOrder = Literal["joined", "worker", "kind", "left"]


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all. Numbers must be finite."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, float) and not isfinite(value):
                raise ValueError(f"{name} must be a finite number")


class Nothing(Question, frozen=True, kw_only=True):
    """No parameters."""


class Moment(Question, frozen=True, kw_only=True):
    """``at``: unix seconds; None is now, or the end."""

    at: float | None = None


class CurvesQuestion(Moment, frozen=True, kw_only=True):
    points: Annotated[int, Meta(ge=2, le=MOST_POINTS)] = 300


class WorkersQuestion(Moment, frozen=True, kw_only=True):
    sort: WorkerOrder = "worker"
    descending: bool = False
    state: StateFilter = ""
    search: Search = ""
    offset: Offset = 0
    limit: Limit = 100


class TimelineQuestion(Moment, frozen=True, kw_only=True):
    """``start`` and ``stop``: unix seconds; None: of the whole run."""

    start: float | None = None
    stop: float | None = None
    columns: Annotated[int, Meta(ge=1, le=MOST_COLUMNS)] = 1000
    first_lane: Offset = 0
    lanes: Annotated[int, Meta(ge=1, le=MOST_LANES)] = 50
    sort: LaneOrder = "joined"


class ItemsQuestion(Moment, frozen=True, kw_only=True):
    """``search`` in keys, errors and their messages."""

    search: Search = ""
    verdict: Literal["", "failed", "quarantined"] = ""
    offset: Offset = 0
    limit: Limit = 50


class EventsQuestion(Moment, frozen=True, kw_only=True):
    """Entries with a seq below ``before`` and above ``after``. ``kinds``: separated by commas.
    ``item``: a key. All that is given must hold."""

    before: int | None = None
    after: int | None = None
    kinds: str = ""
    worker: Search = ""
    batch: int | None = None
    item: str = ""
    search: Search = ""
    limit: Limit = 100


class StreamQuestion(Question, frozen=True, kw_only=True):
    run: str = ""


Q = TypeVar("Q", bound=Question)


def understood(given: Iterable[tuple[str, str]], question: type[Q]) -> Q:
    """Parameters as they stand in an address; one that is empty is as if it were not there, and
    one that comes again is added after a comma. Raises InputError."""
    words: dict[str, str] = {}
    for name, value in given:
        if value:
            words[name] = f"{words[name]},{value}" if name in words else value
    try:
        return msgspec.convert(words, question, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        known = ", ".join(question.__struct_fields__) or "none"
        raise InputError(str(error), mend=f"parameters of this route: {known}") from None
