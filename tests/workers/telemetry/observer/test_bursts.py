"""Evenness in time and over owners."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.telemetry.observer import bursts


def test_dispersion_tells_even_from_bunched() -> None:
    assert bursts.dispersion(np.full(20, 5)) == 0.0
    assert bursts.dispersion(np.array([100] + [0] * 19)) == pytest.approx(95.0)
    assert bursts.dispersion(np.zeros(20)) == 0.0
    assert bursts.peak_to_mean(np.array([100] + [0] * 19)) == pytest.approx(20.0)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=50))
def test_gini_is_the_mean_difference_over_twice_the_mean(values: list[int]) -> None:
    found = bursts.gini(np.array(values))
    if not sum(values):
        assert found == 0.0
        return
    pairs = sum(abs(one - other) for one in values for other in values)
    assert found == pytest.approx(pairs / (2 * len(values) * sum(values)), abs=1e-9)
    assert 1 / len(values) <= bursts.top_share(np.array(values)) <= 1


@given(st.lists(st.floats(0.0, 0.999), max_size=100))
def test_every_time_has_its_bin(times: list[float]) -> None:
    counts = bursts.binned(np.array(times), 0.0, 1.0)
    assert counts.tolist() == [sum(int(t * 20) == bin for t in times) for bin in range(20)]


def test_spread_is_that_of_the_middle_half() -> None:
    assert bursts.spread(np.array([1.0, 2.0, 3.0, 4.0, 1e9])) == pytest.approx(2 / 3)
    assert bursts.spread(np.array([])) == 0.0
