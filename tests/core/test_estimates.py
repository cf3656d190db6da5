from __future__ import annotations

import pytest

from pcm.core.context import Context
from pcm.core.estimates import Estimates, Mean, Speeds
from pcm.core.events import Capacity, Requirements
from pcm.core.policy import Policy
from pcm.core.worker import Worker


def worker(name: str, kind: str = "cpu") -> Worker:
    return Worker(name, Capacity(kind=kind), 1, 0.0)


def test_a_single_outlier_hardly_moves_a_mean() -> None:
    mean = Mean()
    for value in (1.0, 1.0, 1.0, 1.0, 1000.0):
        mean.observe(value)
    assert mean.value < 2.0


def test_dear_batches_count_for_more() -> None:
    mean = Mean()
    mean.observe(10.0, weight=1.0)
    mean.observe(1.0, weight=100.0)
    assert mean.value == pytest.approx(1.0, rel=0.1)


def test_a_speed_falls_back_from_the_worker_to_its_kind_to_unknown() -> None:
    speeds = Speeds()
    a, b = worker("a", "big"), worker("b", "big")
    speeds.observe(a, seconds=4.0, cost=2.0)
    speeds.observe(b, seconds=2.0, cost=2.0)
    assert speeds.on(a) == pytest.approx(2.0)
    assert speeds.on(worker("c", "big")) == pytest.approx(1 / 0.75)
    assert speeds.on(worker("d", "small")) is None


def test_skew_is_taken_out_of_what_is_measured_and_put_into_what_is_predicted() -> None:
    speeds = Speeds()
    slowed = worker("a")
    slowed.skew = 2.0
    speeds.observe(slowed, seconds=4.0, cost=1.0)
    assert speeds.on(slowed) == pytest.approx(4.0)
    slowed.skew = 1.0
    assert speeds.on(slowed) == pytest.approx(2.0)


def test_a_skew_counts_until_batches_have_told_of_it() -> None:
    speeds, one = Speeds(), worker("a")
    for _ in range(10):
        speeds.observe(one, seconds=1.0, cost=1.0)
    one.skew = 3.0
    assert speeds.on(one) == pytest.approx(3.0)
    for _ in range(30):
        speeds.observe(one, seconds=2.0, cost=1.0)  # it was not that bad
    assert speeds.on(one) == pytest.approx(2.0, rel=0.01)
    one.skew = 1.5
    assert speeds.on(one) == pytest.approx(1.0, rel=0.01)  # half of what it was said to be
    one.skew = 1.0
    assert speeds.on(one) == pytest.approx(1.0)


@pytest.mark.parametrize("skew", [1.5, 4.0])
def test_a_false_alarm_leaves_nothing_behind(skew: float) -> None:
    speeds, one, other = Speeds(), worker("a"), worker("b")
    for _ in range(5):
        speeds.observe(one, seconds=1.0, cost=1.0)
        speeds.observe(other, seconds=1.0, cost=1.0)
    one.skew = skew
    for _ in range(30):
        speeds.observe(one, seconds=1.0, cost=1.0)
    assert speeds.on(one) == pytest.approx(1.0, rel=0.02)
    assert one.slowness * one.skew == pytest.approx(1.0, rel=0.02)
    one.skew = 1.0
    assert speeds.on(one) == pytest.approx(1.0)
    assert speeds.on(worker("c")) == pytest.approx(1.0, rel=0.02)


def test_the_speed_of_many_workers_adds_up() -> None:
    speeds = Speeds()
    speeds.observe(worker("a", "big"), seconds=1.0, cost=4.0)
    speeds.observe(worker("b", "small"), seconds=1.0, cost=1.0)
    assert speeds.total({"big": 2, "small": 3}) == pytest.approx(2 * 4 + 3 * 1)
    assert speeds.total({"never seen": 2}) == pytest.approx(2 * 2.5)


def test_what_a_worker_told_of_its_kind_outlives_it() -> None:
    speeds = Speeds()
    speeds.observe(worker("a"), seconds=3.0, cost=1.0)
    speeds.forget("a")
    assert speeds.on(worker("b")) == pytest.approx(3.0)


def test_load_times_fall_back_from_the_kind_to_the_context_to_the_policy() -> None:
    estimates = Estimates(Policy(load_seconds=7.0))
    context = Context("c", "c", Requirements(), 0)
    assert estimates.load_seconds(context, "big") == 7.0
    estimates.loaded(context, "big", 2.0)
    assert estimates.load_seconds(context, "big") == 2.0
    assert estimates.load_seconds(context, "small") == 2.0
