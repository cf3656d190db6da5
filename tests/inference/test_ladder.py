"""How many rows are taken for how many items."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.inference.ladder import Ladder, fewer_rows


def test_the_fewest_rows_that_hold_the_items() -> None:
    ladder = Ladder((32, 24, 16))
    assert [ladder.least(count) for count in (32, 25, 24, 17, 16, 1)] == [32, 32, 24, 24, 16, 16]
    assert ladder.most == 32


def test_fewer_slots_keep_the_bits_where_there_is_a_rung() -> None:
    ladder = Ladder((32, 24, 16))
    assert ladder.within(100) == ladder
    assert ladder.within(31).rungs == (24, 16)
    assert ladder.within(10).rungs == (10,)
    assert ladder.within(0).rungs == (1,)


@given(st.integers(1, 300))
def test_what_is_tried_falls_to_two_rows(rows: int) -> None:
    tried = list(fewer_rows(rows))
    assert tried == sorted(set(tried), reverse=True)
    assert all(2 <= one < rows for one in tried)
    assert (rows < 4) == (not tried)


def test_halves_and_three_quarters_are_tried() -> None:
    assert list(fewer_rows(32)) == [24, 16, 12, 8, 6, 4, 3, 2]


def test_rungs_that_halve_are_few() -> None:
    assert Ladder((32, 24, 16, 12, 8, 6, 4, 3, 2)).halving() == Ladder((32, 16, 8, 4, 2))
    assert Ladder((32, 24, 12, 8)).halving() == Ladder((32, 12))
    assert Ladder((5,)).halving() == Ladder((5,))
