"""The shapes of forward passes follow from the items alone."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.inference.packing import Packing, default_slots

lengths = st.lists(st.integers(1, 100), max_size=60)


@given(lengths, st.integers(16, 64), st.sampled_from([1, 16]), st.integers(0, 40), st.booleans())
def test_every_item_is_in_one_pass_of_a_size_for_it(
    lengths: list[int], tokens: int, unit: int, each: int, with_rungs: bool
) -> None:
    rungs = (tokens // 2, tokens // 4) if with_rungs else ()
    packing = Packing(tokens, unit, rungs)
    check(packing, packing.passes(lengths, each), lengths, each)
    in_order = list(packing.passes_in_order(lengths, each))
    check(packing, in_order, lengths, each)
    assert [index for _, indices in in_order for index in indices] == list(range(len(lengths)))


def check(
    packing: Packing, passes: Iterable[tuple[int, list[int]]], lengths: list[int], each: int
) -> None:
    """Every item is in one of the passes, and there is room for it."""
    tokens, rungs = packing.tokens, packing.rungs
    seen = []
    for size, indices in passes:
        assert len(indices) >= 1
        assert len(indices) * each <= packing.asked(size, each)
        asked = packing.asked(size, each, len(indices))
        assert len(indices) * each <= asked <= packing.asked(size, each)
        # No other numbers than those for which the same bits were proved.
        proved = {packing.asked(other, 0) for other in rungs}
        assert asked in {packing.asked(size, each), *proved}
        assert sum(packing.width(lengths[index]) for index in indices) <= size
        for index in indices:
            proper = packing.pass_tokens(lengths[index])
            assert size in ((tokens, *rungs) if proper == tokens else (proper,))
        seen += indices
    assert sorted(seen) == list(range(len(lengths)))


@given(st.lists(st.integers(1, 16), min_size=1, max_size=60))
def test_short_items_leave_at_most_half_of_the_passes_empty(lengths: list[int]) -> None:
    passes = [size for size, _ in Packing(32).passes(lengths)]
    assert len(passes) <= 1 + 2 * sum(lengths) / 32


def test_a_long_item_has_a_pass_of_its_own_length() -> None:
    assert list(Packing(64).passes([33, 200], each=8)) == [(33, [0]), (200, [1])]


def test_few_items_take_the_smallest_rung_that_has_room_for_them() -> None:
    packing = Packing(256, rungs=(128, 64, 32))
    assert [size for size, _ in packing.passes([16, 17], each=1)] == [64]
    assert [size for size, _ in packing.passes([20], each=1)] == [32]
    assert [size for size, _ in packing.passes([20], each=13)] == [64]  # room for 12 in one of 32
    assert [size for size, _ in packing.passes([100] * 3)] == [256, 128]
    assert [size for size, _ in packing.passes([100], each=200)] == [256]


def test_in_order_neighbours_fill_a_pass() -> None:
    packing = Packing(64, rungs=(32,))
    lengths = [30, 30, 20, 33, 1, 1]
    assert list(packing.passes_in_order(lengths)) == [
        (64, [0, 1]),
        (32, [2]),
        (33, [3]),
        (32, [4, 5]),
    ]


def test_results_do_not_wait_for_the_whole_batch() -> None:
    firsts = [indices for _, indices in Packing(32).passes([16] * 1000, each=6)]
    assert firsts[:2] == [[0, 1], [2, 3]]
    assert all(max(indices) < 100 for indices in firsts[:10])


def test_slots_can_be_set() -> None:
    assert default_slots("cpu", 3) == 3
    with pytest.raises(ValueError, match="at least 1"):
        default_slots("cpu", 0)
