"""When a batch ran on its worker and how much of that counts, by what was heard of it: the rules
for whoever keeps books of a run.

The batches of one context run one after another on a worker. What a batch took is useful in the
share of its outcomes whose results were kept: not failed, and not known already from another copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, Protocol, TypeVar


class Ran(NamedTuple):
    """Unix seconds, in this order. What was computed until ``useful_until`` counts; until
    ``decided_until`` it led to outcomes that do not count; what followed led to none."""

    start: float
    useful_until: float
    decided_until: float
    stop: float

    @property
    def busy_seconds(self) -> float:
        """In which its items got their outcomes."""
        return self.decided_until - self.start


class Sent(Protocol):
    """A batch that was sent to a worker ``at`` a moment, with ``count`` items, ``outcomes`` of
    which are decided, and ``kept`` of these with a result that counts."""

    context: str
    at: float
    last_outcome_at: float
    count: int
    kept: int

    @property
    def outcomes(self) -> int: ...


B = TypeVar("B", bound=Sent)
Standing = Literal["complete", "cut_short", "not_begun"]


def done(batch: Sent, free_at: float, queue_seconds: float, run_seconds: float, at: float) -> Ran:
    """It is heard of at a moment that it has ended, and what the worker measured from its arrival
    on, which was just after its dispatch. From the end backwards would be wrong, since several ends
    may be heard of in one turn. ``free_at``: when the batch before it ended."""
    start = max(batch.at + queue_seconds, free_at)
    stop = min(start + run_seconds, at)
    return _whole(batch, min(start, stop), stop)


def complete(batch: Sent, free_at: float, at: float) -> Ran:
    """Its worker went at a moment when all its items had outcomes and its end was not heard of."""
    start = max(batch.at, free_at)
    return _whole(batch, start, max(start, min(batch.last_outcome_at, at)))


def cut_short(batch: Sent, free_at: float, at: float) -> Ran:
    """It ended at a moment in the midst of its items: until its last outcome it counts like a batch
    of those items, and the rest is lost."""
    start = min(max(batch.at, free_at), at)
    decided = min(max(start, batch.last_outcome_at), at) if batch.outcomes else start
    useful = start + (decided - start) * batch.kept / max(1, batch.outcomes)
    return Ran(start, useful, decided, at)


def when_the_worker_goes(batches: Iterable[B]) -> Iterator[tuple[B, Standing]]:
    """How those stand that it still has, in the order of their dispatch: of the batches of one
    context, only the first that is not complete can have begun."""
    running: set[str] = set()
    for batch in batches:
        if batch.outcomes >= batch.count:
            yield batch, "complete"
        elif batch.context not in running:
            running.add(batch.context)
            yield batch, "cut_short"
        else:
            yield batch, "not_begun"


def _whole(batch: Sent, start: float, stop: float) -> Ran:
    return Ran(start, start + (stop - start) * batch.kept / max(1, batch.count), stop, stop)
