"""The shapes of forward passes follow from the items alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.inference.shapes import Shapes, default_shapes

lengths = st.lists(st.integers(1, 100), max_size=40)


@given(lengths, st.integers(1, 5), st.integers(1, 16))
def test_every_item_is_in_one_pass_of_its_own_width(
    lengths: list[int], rows: int, unit: int
) -> None:
    shapes = Shapes(rows, unit)
    seen = []
    for width, indices in shapes.groups(lengths):
        assert 1 <= len(indices) <= rows
        assert width % unit == 0
        assert all(shapes.width(lengths[index]) == width for index in indices)
        assert all(width - unit < lengths[index] <= width for index in indices)
        seen += indices
    assert sorted(seen) == list(range(len(lengths)))


@given(lengths)
def test_single_rows_keep_the_order_and_need_no_padding(lengths: list[int]) -> None:
    passes = [(length, [index]) for index, length in enumerate(lengths)]
    assert list(default_shapes("cpu").groups(lengths)) == passes


def test_rows_can_be_set() -> None:
    assert default_shapes("cpu", rows=8).rows == 8
    with pytest.raises(ValueError, match="at least 1"):
        default_shapes("cpu", rows=0)
