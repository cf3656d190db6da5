from __future__ import annotations

import pytest

from pcm.core.batch import FINISHED, Batch


def batch() -> Batch:
    return Batch(1, "run", "a", "model", ((10, 12), (3, 6)), 1, 5, 5.0, None, 60.0, 0.0)


def test_positions_run_through_the_ranges() -> None:
    assert [batch().item_at(position) for position in range(5)] == [10, 11, 3, 4, 5]
    assert batch().items.tolist() == [10, 11, 3, 4, 5]


@pytest.mark.parametrize("position", [-1, 5])
def test_a_position_out_of_range_is_an_error(position: int) -> None:
    with pytest.raises(IndexError, match="batch 1 has 5 items"):
        batch().item_at(position)


def test_open_items_are_those_without_an_outcome() -> None:
    leased = batch()
    assert leased.open_items() == [10, 11, 3, 4, 5]
    leased.outcomes[1] = FINISHED
    leased.open -= 1
    assert leased.open_items() == [10, 3, 4, 5]
