"""The shared statistics, against plain definitions of them."""

from __future__ import annotations

from itertools import combinations
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcm.telemetry.statistics import NORMAL, by_group, deviation, middle, robust_z, slope

numbers = st.lists(
    st.one_of(st.none(), st.integers(-1000, 1000).map(float)), min_size=1, max_size=12
)


def column(values: list[float | None]) -> np.ndarray:
    return np.array([[np.nan if value is None else value] for value in values], np.float32)


@given(numbers, st.integers(1, 5))
def test_the_middle_is_the_median_of_what_was_read(values: list[float | None], least: int) -> None:
    read = [value for value in values if value is not None]
    result = middle(column(values), least)[0]
    if len(read) < least:
        assert np.isnan(result)
    else:
        assert result == pytest.approx(median(read))


@given(numbers)
def test_the_deviation_is_that_from_the_median(values: list[float | None]) -> None:
    read = [value for value in values if value is not None]
    result = deviation(column(values), middle(column(values)))[0]
    if read:
        centre = median(read)
        assert result == pytest.approx(NORMAL * median(abs(value - centre) for value in read), 1e-5)
    else:
        assert np.isnan(result)


@given(st.lists(st.integers(-100, 100).map(float), min_size=3, max_size=8))
def test_the_slope_is_the_median_of_all_slopes(values: list[float]) -> None:
    pairs = combinations(range(len(values)), 2)
    wanted = median((values[last] - values[first]) / (last - first) for first, last in pairs)
    assert slope(column(list(values)))[0] == pytest.approx(wanted, abs=1e-4)


def test_a_slope_needs_every_window() -> None:
    assert np.isnan(slope(column([1.0, None, 3.0]))[0])


def test_a_constant_signal_has_a_spread_of_its_size_or_of_the_least_that_is_believed() -> None:
    zero = np.zeros(2, np.float32)
    level, usual = np.array([110.0, 1.0], np.float32), np.array([100.0, 0.0], np.float32)
    assert robust_z(level, usual, zero, least=0.5).tolist() == pytest.approx([2.0, 2.0])


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(-50, 50).map(float))),
        max_size=20,
    ),
    st.integers(1, 4),
)
def test_groups_have_the_median_of_those_that_were_read(
    places: list[tuple[int, float | None]], least: int
) -> None:
    level = np.array([np.nan if value is None else value for _, value in places], np.float32)
    group = np.array([number for number, _ in places], int)
    centre, spread, count = by_group(level, group, least)
    for row, (number, value) in enumerate(places):
        read = [other for of, other in places if of == number and other is not None]
        if value is None or len(read) < least:
            assert np.isnan(centre[row])
            continue
        middle_of = median(read)
        assert count[row] == len(read)
        assert centre[row] == pytest.approx(middle_of)
        wanted = NORMAL * median(abs(other - middle_of) for other in read)
        assert spread[row] == pytest.approx(wanted, 1e-5)
