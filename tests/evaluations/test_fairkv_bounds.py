from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluations.fairkv.bounds import tighter_bound
from workers.heads.bounds import lower_bound
from workers.heads.exchanging import largest_of

LOADS = st.lists(st.one_of(st.just(0.0), st.floats(1.0, 1000.0)), min_size=1, max_size=7)


@given(LOADS, st.integers(1, 4))
def test_it_is_between_the_plain_bound_and_the_optimum(loads: list[float], ranks: int) -> None:
    ways = product(range(ranks), repeat=len(loads))
    best = min(largest_of(loads, [1] * ranks, way) for way in ways)
    found = tighter_bound(loads, ranks)
    assert lower_bound(loads, [1] * ranks) <= found <= best * (1 + 1e-9)


def test_heads_that_fill_a_rank_make_the_bound_tighter() -> None:
    """Three heads of 10 are alone with 11 of room; the rest has one rank for itself."""
    loads = [10.0] * 3 + [2.0] * 6
    assert lower_bound(loads, [1] * 4) == 10.5
    assert tighter_bound(loads, 4) == pytest.approx(12.0, abs=1e-6)
