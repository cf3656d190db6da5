from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.heads.bounds import lower_bound
from workers.heads.exchanging import dealt, exchanged, largest_of
from workers.heads.partition import partition

LOADS = st.lists(st.one_of(st.just(0.0), st.floats(1.0, 1000.0)), min_size=1, max_size=7)
SIZES = st.lists(st.integers(1, 3), min_size=1, max_size=3)


def by_brute_force(loads: list[float], sizes: list[int]) -> float:
    ways = product(range(len(sizes)), repeat=len(loads))
    return min(largest_of(loads, sizes, groups) for groups in ways)


@given(LOADS, SIZES)
def test_few_heads_are_dealt_as_well_as_can_be(loads: list[float], sizes: list[int]) -> None:
    found = partition(loads, sizes, nodes=100_000)
    best = by_brute_force(loads, sizes)
    assert found.exact
    assert found.largest == pytest.approx(best)
    assert lower_bound(loads, sizes) <= best * (1 + 1e-9)


@given(LOADS, SIZES, st.integers(0, 5))
def test_every_head_is_dealt_once_and_the_largest_is_told(
    loads: list[float], sizes: list[int], nodes: int
) -> None:
    found = partition(loads, sizes, nodes=nodes)
    assert sorted(head for heads in found.groups for head in heads) == list(range(len(loads)))
    sums = [sum(loads[head] for head in heads) for heads in found.groups]
    largest = max(total / size for total, size in zip(sums, sizes, strict=True))
    assert found.largest == pytest.approx(largest)
    assert found.bound <= by_brute_force(loads, sizes) * (1 + 1e-9)
    assert found.bound <= found.largest


@given(st.lists(st.floats(0.0, 1000.0), min_size=1, max_size=40), SIZES)
def test_exchanges_never_make_it_worse(loads: list[float], sizes: list[int]) -> None:
    first = dealt(loads, sizes)
    after = exchanged(loads, sizes, first)
    assert largest_of(loads, sizes, after) <= largest_of(loads, sizes, first)


@given(LOADS, st.integers(1, 4))
def test_dealing_the_heaviest_first_keeps_grahams_bound(loads: list[float], ranks: int) -> None:
    loads, sizes = sorted(loads, reverse=True), [1] * ranks
    largest = largest_of(loads, sizes, dealt(loads, sizes))
    assert largest <= by_brute_force(loads, sizes) * (4 / 3 - 1 / (3 * ranks)) * (1 + 1e-9)


def test_the_case_in_which_the_heaviest_first_is_worst() -> None:
    """It comes to 11, where the search finds 9."""
    loads, sizes = [5.0, 5.0, 4.0, 4.0, 3.0, 3.0, 3.0], [1, 1, 1]
    assert largest_of(loads, sizes, dealt(loads, sizes)) == 11
    found = partition(loads, sizes)
    assert sorted(found.groups) == [(0, 3), (1, 2), (4, 5, 6)]
    assert (found.largest, found.bound) == (9.0, 9.0)


def test_a_search_without_steps_tells_how_far_it_may_be() -> None:
    loads = [9.0, 7.0, 6.0, 6.0, 5.0, 5.0, 5.0, 4.0, 4.0]
    found = partition(loads, [1] * 4, nodes=0)
    assert found.bound == 13.0  # of the nine, three are in one group, at least 5 + 4 + 4
    assert found.bound <= partition(loads, [1] * 4).largest <= found.largest


def test_it_ends_where_its_caller_is_content() -> None:
    loads = [5.0, 5.0, 4.0, 4.0, 3.0, 3.0, 3.0]
    assert partition(loads, [1] * 3, enough=11.0).largest <= 11.0


def test_nothing_to_deal() -> None:
    assert partition([], [1, 1]) == (((), ()), 0.0, 0.0)
