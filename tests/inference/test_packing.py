"""The shapes of forward passes follow from the items alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.inference.packing import Packing, default_slots

lengths = st.lists(st.integers(1, 100), max_size=60)


@given(lengths, st.integers(16, 64), st.sampled_from([1, 16]), st.integers(1, 9))
def test_every_item_is_in_one_pass_of_its_own_size(
    lengths: list[int], tokens: int, unit: int, most: int
) -> None:
    packing = Packing(tokens, unit)
    seen = []
    for size, indices in packing.passes(lengths, most):
        assert 1 <= len(indices) <= most
        assert sum(packing.width(lengths[index]) for index in indices) <= size
        assert all(packing.pass_tokens(lengths[index]) == size for index in indices)
        seen += indices
    assert sorted(seen) == list(range(len(lengths)))


@given(st.lists(st.integers(1, 16), min_size=1, max_size=60))
def test_short_items_leave_at_most_half_of_the_passes_empty(lengths: list[int]) -> None:
    passes = [size for size, _ in Packing(32).passes(lengths, most=32)]
    assert len(passes) <= 1 + 2 * sum(lengths) / 32


def test_a_long_item_has_a_pass_of_its_own_length() -> None:
    assert list(Packing(64).passes([33, 200], most=8)) == [(33, [0]), (200, [1])]


def test_results_do_not_wait_for_the_whole_batch() -> None:
    firsts = [indices for _, indices in Packing(32).passes([16] * 1000, most=2)]
    assert firsts[:2] == [[0, 1], [2, 3]]
    assert all(max(indices) < 100 for indices in firsts[:10])


def test_slots_can_be_set() -> None:
    assert default_slots("cpu", 3) == 3
    with pytest.raises(ValueError, match="at least 1"):
        default_slots("cpu", 0)
