from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from pcm.core.repayment import Fleet, expected_seconds

speeds = st.floats(0.01, 100.0)
waits = st.floats(0.0, 1e4)


def test_nobody_never_ends() -> None:
    assert Fleet(10.0).end_seconds() == math.inf


def test_two_that_are_there_share_the_work() -> None:
    fleet = Fleet(100.0)
    fleet.add(4.0)
    fleet.add(1.0)
    assert fleet.end_seconds() == 20.0


def test_who_comes_later_does_less() -> None:
    fleet = Fleet(100.0)
    fleet.add(1.0)
    # The first does 60, the second, from 20 on, 40.
    assert fleet.end_seconds(1.0, 20.0) == 60.0


@given(st.floats(1.0, 1e6), st.lists(st.tuples(speeds, waits), min_size=1, max_size=8))
def test_all_work_is_done_at_the_end(work: float, workers: list[tuple[float, float]]) -> None:
    fleet = Fleet(work)
    for speed, ready in workers:
        fleet.add(speed, ready)
    end = fleet.end_seconds()
    done = sum(speed * (end - ready) for speed, ready in workers)
    assert math.isclose(done, work, rel_tol=1e-6, abs_tol=1e-3 * work + 1e-6)


@given(st.floats(1.0, 1e6), speeds, speeds, waits)
def test_one_more_that_comes_in_time_ends_it_sooner(
    work: float, speed: float, other: float, ready: float
) -> None:
    fleet = Fleet(work)
    fleet.add(speed)
    alone = fleet.end_seconds()
    assert (fleet.end_seconds(other, ready) <= alone) == (ready <= alone) or math.isclose(
        ready, alone
    )


@given(st.floats(0.0, 1e6), st.floats(1.0, 1e6))
def test_no_worker_lasts_longer_than_the_stretch_or_its_mean(
    stretch: float, eviction: float
) -> None:
    lasts = expected_seconds(stretch, eviction)
    assert 0.0 <= lasts <= min(stretch, eviction) * (1 + 1e-9) + 1e-9


def test_a_short_stretch_is_survived() -> None:
    assert math.isclose(expected_seconds(1.0, 1e6), 1.0, rel_tol=1e-5)
    assert expected_seconds(-5.0, 10.0) == 0.0
