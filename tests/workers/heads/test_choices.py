from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.heads.budget import spend
from workers.heads.choices import WORTH, Choice, choices, group_sizes
from workers.heads.exchanging import largest_of

LOADS = st.lists(st.floats(1.0, 1000.0), min_size=1, max_size=6)


def best_with(loads: list[float], ranks: int, copies: int) -> float:
    """The theory, by brute force: all ways to group ranks, all ways to deal heads to groups."""
    return min(
        largest_of(loads, sizes, groups)
        for sizes in group_sizes(ranks, ranks - copies)
        for groups in product(range(len(sizes)), repeat=len(loads))
    )


@given(LOADS, st.integers(1, 4))
def test_each_more_copies_and_better_and_the_best_there_is(loads: list[float], ranks: int) -> None:
    found = choices(loads, ranks, ranks - 1)
    for one, other in pairwise(found):
        assert one.copies < other.copies
        assert one.largest > other.largest
    mean = sum(loads) / ranks
    assert found[-1].largest <= mean * (1 + WORTH) * (1 + 1e-9)
    for choice in found:
        optimum = best_with(loads, ranks, choice.copies)
        assert choice.largest <= max(optimum, mean * (1 + WORTH)) * (1 + 1e-6)
        assert choice.largest >= optimum * (1 - 1e-6)


@given(LOADS, st.integers(1, 4), st.integers(1, 20))
def test_with_rows_each_is_better_too(loads: list[float], ranks: int, rows: int) -> None:
    found = choices(loads, ranks, ranks - 1, rows=rows)
    for one, other in pairwise(found):
        assert one.copies < other.copies
        assert one.largest > other.largest
    assert found[0] == choices(loads, ranks, 0, rows=rows)[0]


def test_a_layer_that_is_even_gets_no_copies() -> None:
    assert [choice.copies for choice in choices([4.0] * 8, 4, 3)] == [0]
    assert [choice.copies for choice in choices([4.0, 4.0, 2.0, 2.0], 3, 2)] == [0]


def test_ways_to_make_groups_of_ranks() -> None:
    assert list(group_sizes(5, 2)) == [[4, 1], [3, 2]]
    assert list(group_sizes(4, 4)) == [[1, 1, 1, 1]]
    assert list(group_sizes(3, 1)) == [[3]]
    assert len(list(group_sizes(8, 4))) == 5


GAINS = st.lists(
    st.dictionaries(st.integers(1, 4), st.floats(0.1, 9.0), max_size=3), min_size=1, max_size=5
)


@given(GAINS, st.integers(0, 12))
def test_a_budget_is_spent_where_it_gains_most(gains: list[dict[int, float]], budget: int) -> None:
    layers = [
        [
            Choice(0, 10.0, ()),
            *(Choice(cost, 10.0 - gain, ()) for cost, gain in sorted(layer.items())),
        ]
        for layer in gains
    ]
    found = spend(layers, budget)
    assert sum(choice.copies for choice in found) <= budget
    assert all(choice in layer for choice, layer in zip(found, layers, strict=True))
    best = min(
        sum(choice.largest for choice in way)
        for way in product(*layers)
        if sum(choice.copies for choice in way) <= budget
    )
    assert sum(choice.largest for choice in found) == pytest.approx(best)


def test_without_a_budget_each_layer_has_its_best() -> None:
    layers = [[Choice(0, 2.0, ()), Choice(3, 1.0, ())], [Choice(0, 1.0, ())]]
    assert [choice.copies for choice in spend(layers, None)] == [3, 0]
