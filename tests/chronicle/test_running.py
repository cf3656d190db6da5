"""When batches ran, by what was heard of them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcm.chronicle.running import Ran, complete, cut_short, done, when_the_worker_goes


@dataclass
class Batch:
    """Sent at 10 unless told otherwise."""

    outcomes: int = 0
    kept: int = 0
    count: int = 4
    at: float = 10.0
    last_outcome_at: float = 10.0
    context: str = "c"


@pytest.mark.parametrize(
    ("queue_seconds", "free_at", "expected"),
    [
        (0.0, 0.0, Ran(10.0, 13.0, 14.0, 14.0)),
        (2.0, 0.0, Ran(12.0, 15.0, 16.0, 16.0)),
        (2.0, 13.0, Ran(13.0, 16.0, 17.0, 17.0)),
        (0.0, 20.0, Ran(18.0, 18.0, 18.0, 18.0)),
    ],
    ids=["at once", "after what the worker says", "after the one before it", "heard of too early"],
)
def test_one_that_is_done_counts_in_the_share_of_its_items_that_count(
    queue_seconds: float, free_at: float, expected: Ran
) -> None:
    assert done(Batch(4, 3), free_at, queue_seconds, 4.0, 18.0) == expected


def test_one_whose_end_was_not_heard_of_ran_until_its_last_outcome() -> None:
    assert complete(Batch(4, 2, last_outcome_at=14.0), 0.0, 30.0) == Ran(10.0, 12.0, 14.0, 14.0)


def test_one_that_is_cut_short_counts_until_its_last_outcome() -> None:
    ran = cut_short(Batch(2, 1, last_outcome_at=14.0), 0.0, 17.0)
    assert ran == Ran(10.0, 12.0, 14.0, 17.0)
    assert ran.busy_seconds == 4.0
    assert cut_short(Batch(), 12.0, 17.0) == Ran(12.0, 12.0, 12.0, 17.0)


def test_of_the_batches_of_a_context_only_one_can_have_begun() -> None:
    one, two, three, other = Batch(4), Batch(1), Batch(), Batch(context="d")
    standings = [standing for _, standing in when_the_worker_goes([one, two, three, other])]
    assert standings == ["complete", "cut_short", "not_begun", "cut_short"]


times = st.floats(0.0, 100.0)


@given(st.integers(1, 9), st.data(), times, times, times, times)
def test_its_parts_are_in_order_and_end_when_it_was_heard_of(
    count: int, data: st.DataObject, at: float, later: float, free_at: float, last: float
) -> None:
    outcomes = data.draw(st.integers(0, count))
    kept = data.draw(st.integers(0, outcomes))
    batch = Batch(outcomes, kept, count, at, at + last)
    for ran in (
        done(batch, free_at, last, later, at + later),
        cut_short(batch, free_at, at + later),
    ):
        assert list(ran) == pytest.approx(sorted(ran), abs=1e-9)
        assert ran.stop <= at + later
