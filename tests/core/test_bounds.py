"""The clairvoyant bound: against closed forms, a slow bisection, and a linear programme by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcm.core.bounds import Interval, Share, fluid_bound, fluid_bound_of_contexts

seconds = st.floats(0.0, 100.0)


@st.composite
def intervals(draw: st.DrawFn) -> list[Interval]:
    found = []
    for _ in range(draw(st.integers(1, 8))):
        start = draw(seconds)
        end = start + draw(st.one_of(st.just(math.inf), st.floats(0.1, 50.0)))
        found.append(Interval(start, end, draw(st.floats(0.1, 10.0)), draw(st.floats(0.0, 20.0))))
    return found


def done_by(found: list[Interval], at: float) -> float:
    return sum(i.speed * max(0.0, min(i.end_seconds, at) - i[0] - i.load_seconds) for i in found)


def test_one_worker_loads_and_computes():
    assert fluid_bound([Interval(0, math.inf, 2.0, 5.0)], 10.0) == 10.0


def test_workers_share_as_their_speeds_are():
    both = [Interval(0, math.inf, 1.0), Interval(0, math.inf, 3.0)]
    assert fluid_bound(both, 8.0) == 2.0


def test_what_an_interval_cannot_finish_another_must():
    found = [Interval(0, 4, 1.0, 1.0), Interval(10, math.inf, 1.0, 1.0)]
    assert fluid_bound(found, 5.0) == 13.0


def test_nothing_to_do_takes_no_time():
    assert fluid_bound([], 0.0) == 0.0


def test_what_is_never_done_takes_for_ever():
    assert fluid_bound([], 1.0) == math.inf
    assert fluid_bound([Interval(0, 4, 1.0, 5.0)], 1.0) == math.inf
    assert fluid_bound([Interval(0, 4, 1.0)], 5.0) == math.inf


def test_the_dearest_item_is_computed_whole():
    many = [Interval(0, math.inf, 1.0, 2.0)] * 10
    assert fluid_bound(many, 10.0) == 3.0
    assert fluid_bound(many, 10.0, dearest=7.0) == 9.0


def test_intervals_too_short_for_an_item_count_for_nothing():
    found = [Interval(0, 3, 1.0, 2.0)] * 10 + [Interval(5, math.inf, 1.0, 2.0)]
    assert fluid_bound(found, 4.0) < 3.0
    assert fluid_bound(found, 4.0, cheapest=2.0, dearest=2.0) == 11.0


@given(intervals(), st.floats(0.1, 500.0))
def test_it_is_the_least_time_at_which_the_work_can_be_done(found, work):
    bound = fluid_bound(found, work)
    if math.isinf(bound):
        assert done_by(found, 1e9) < work * (1 + 1e-6)
    else:
        assert done_by(found, bound + 1e-6) >= work * (1 - 1e-6)
        assert done_by(found, bound - 1e-6) <= work * (1 + 1e-6)


@given(intervals(), st.floats(0.1, 500.0), st.floats(1.0, 3.0))
def test_more_work_takes_no_less_and_more_workers_no_more(found, work, factor):
    bound = fluid_bound(found, work)
    assert fluid_bound(found, work * factor) >= bound * (1 - 1e-9)
    assert fluid_bound([*found, found[0]], work) <= bound * (1 + 1e-9)


def shares(*speeds: dict[str, float]) -> list[Share]:
    return [Share(0.0, math.inf, one, dict.fromkeys(one, 0.0)) for one in speeds]


def test_contexts_share_a_worker():
    assert fluid_bound_of_contexts(
        shares({"a": 1.0, "b": 2.0}), {"a": 3.0, "b": 4.0}
    ) == pytest.approx(5.0)


def test_each_worker_does_what_it_does_best():
    # The best: one does a alone, one b alone, both for 10 s.
    found = shares({"a": 2.0, "b": 1.0}, {"a": 1.0, "b": 2.0})
    assert fluid_bound_of_contexts(found, {"a": 20.0, "b": 20.0}) == pytest.approx(10.0, rel=1e-3)
    # By hand: the first does a for T, the second b for 5 s and a for T - 5: 2 T + T - 5 = 40.
    assert fluid_bound_of_contexts(found, {"a": 40.0, "b": 10.0}) == pytest.approx(15.0, rel=1e-3)


def test_a_context_that_fits_few_workers_waits_for_them():
    found = shares({"a": 1.0}, {"a": 1.0}, {"a": 1.0, "b": 1.0})
    assert fluid_bound_of_contexts(found, {"a": 2.0, "b": 10.0}) == pytest.approx(10.0)


def test_a_context_that_fits_nowhere_is_never_done():
    assert fluid_bound_of_contexts(shares({"a": 1.0}), {"a": 1.0, "b": 1.0}) == math.inf


@given(intervals(), st.floats(0.1, 100.0), st.floats(0.1, 100.0))
def test_contexts_that_are_alike_are_as_one(found, a, b):
    alike = [
        Share(i.start_seconds, i.end_seconds, {"a": i.speed, "b": i.speed}, {"a": i[3], "b": i[3]})
        for i in found
    ]
    one, two = fluid_bound(found, a + b), fluid_bound_of_contexts(alike, {"a": a, "b": b})
    assert two == one or two == pytest.approx(one, rel=1e-6)
