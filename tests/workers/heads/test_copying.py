from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.heads.copying import Shares, wrapped, wrapped_in_rows
from workers.heads.plan import HeadPlan

LOADS = st.lists(st.one_of(st.just(0.0), st.floats(1.0, 5000.0)), min_size=1, max_size=12)
SIZES = st.integers(1, 8)


def plan_of(loads: list[float], shares: Shares) -> HeadPlan:
    plan = HeadPlan(len(shares), len(loads), "copied", (shares,))
    assert plan.copies < plan.ranks
    return plan


def most_in_common(shares: Shares) -> int:
    had = [{share.head for share in rank} for rank in shares]
    return max((len(one & other) for one, other in combinations(had, 2)), default=0)


@given(LOADS, SIZES)
def test_a_group_is_balanced_with_fewer_copies_than_ranks(loads: list[float], size: int) -> None:
    shares = wrapped(loads, range(len(loads)), size)
    found = plan_of(loads, shares).loads(np.array([loads]))[0]
    assert found == pytest.approx([sum(loads) / size] * size, rel=1e-6)
    assert most_in_common(shares) <= 1


@given(LOADS, SIZES, st.integers(1, 40))
def test_cuts_between_rows(loads: list[float], size: int, rows: int) -> None:
    shares, largest = wrapped_in_rows(loads, range(len(loads)), size, rows)
    plan = plan_of(loads, shares)
    assert plan.loads(np.array([loads])) == pytest.approx(plan.loads(np.array([loads]), rows))
    assert largest == pytest.approx(plan.loads(np.array([loads])).max(), abs=1e-9)
    assert largest <= sum(loads) * (1 + 1e-9)
    assert most_in_common(shares) <= 1


def test_cuts_between_rows_are_chosen_where_they_cost_little() -> None:
    """The head of 8 has two rows, one for each rank; whole heads make both 6."""
    loads = [8.0, 2.0, 1.0, 1.0]
    shares, largest = wrapped_in_rows(loads, range(4), 2, 2)
    assert largest == 6.0
    assert Counter(share.head for rank in shares for share in rank)[0] == 2


def test_a_head_that_is_more_than_a_ranks_part_is_on_many() -> None:
    shares = wrapped([30.0, 5.0, 5.0], range(3), 4)
    assert [[(share.head, share.start, share.stop) for share in rank] for rank in shares] == [
        [(0, 0.0, 1 / 3)],
        [(0, 1 / 3, 2 / 3)],
        [(0, 2 / 3, 1.0)],
        [(1, 0.0, 1.0), (2, 0.0, 1.0)],
    ]


def test_other_heads_are_left_alone() -> None:
    shares = wrapped([9.0, 1.0, 9.0, 1.0], [1, 3], 2)
    assert [[share.head for share in rank] for rank in shares] == [[1], [3]]
