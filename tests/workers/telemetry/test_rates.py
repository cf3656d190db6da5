from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.telemetry.rates import Rates
from workers.telemetry.tally import Tally

COUNTS = st.integers(min_value=0, max_value=2**53)


def test_a_rate_is_growth_over_time() -> None:
    rates = Rates()
    assert rates.rate("a", 100, 10.0) is None
    assert rates.rate("a", 150, 12.0) == 25.0
    assert rates.rate("a", 150, 13.0) == 0.0


def test_a_reset_drops_one_sample_and_no_more() -> None:
    rates = Rates()
    rates.rate("a", 100, 1.0)
    assert rates.rate("a", 7, 2.0) is None
    assert rates.rate("a", 8, 3.0) == 1.0


def test_a_value_that_was_missing_counts_over_the_longer_time() -> None:
    rates = Rates()
    rates.rate("a", 0, 0.0)
    rates.rate("b", 0, 1.0)
    assert rates.rate("a", 10, 2.0) == 5.0


def test_no_time_has_no_rate() -> None:
    rates = Rates()
    rates.rate("a", 1, 1.0)
    assert rates.rate("a", 5, 1.0) is None
    assert rates.rate("a", 5, 2.0) == 4.0


def test_one_that_was_forgotten_begins_anew() -> None:
    rates = Rates()
    rates.rate("a", 1, 1.0)
    rates.forget("a")
    rates.forget("never there")
    assert rates.rate("a", 5, 2.0) is None


@given(st.lists(COUNTS, min_size=2, max_size=20))
def test_no_rate_is_negative_and_growth_is_not_lost(values: list[int]) -> None:
    rates = Rates()
    found = [rates.rate("a", value, float(at)) for at, value in enumerate(values)]
    for before, value, rate in zip(values, values[1:], found[1:], strict=False):
        assert rate == (value - before if value >= before else None)


def test_counters_of_one_signal_are_summed_or_the_greatest_counts() -> None:
    tally = Tally()
    for now in (0.0, 2.0):
        tally.count("a", now * 10, now, "sum", "x")
        tally.count("b", now * 5, now, "sum", "x")
        tally.count("a", now * 10, now, "other", "y")
        tally.count("c", now * 10, now, "greatest", "x", factor=0.1, greatest=True)
        tally.count("d", now * 30, now, "greatest", "x", factor=0.1, greatest=True)
    assert tally.take() == [("sum", "x", 15.0), ("greatest", "x", 3.0)]
    assert tally.take() == []


def test_a_share_is_at_most_one() -> None:
    tally = Tally()
    tally.add("pause_share", "x", 1.002)
    tally.add("per_second", "x", 1.002)
    assert tally.take() == [("pause_share", "x", 1.0), ("per_second", "x", pytest.approx(1.002))]
