"""Slots and places: items lie evenly, and buffers have no gaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.inference.fairkv.seats import Seats, Span, spread


@given(st.integers(1, 70), st.data())
def test_any_number_of_items_lies_evenly_among_the_slots(count: int, data: st.DataObject) -> None:
    order = spread(count)
    assert sorted(order) == list(range(count))
    items = data.draw(st.integers(1, count))
    border = data.draw(st.integers(0, count))
    below = sum(slot < border for slot in order[:items])
    # Half of one for the border, as in van der Corput's sequence a logarithm for the rest.
    assert abs(below - items * border / count) <= 1 + items.bit_length() / 2


def test_slots_are_given_out_once_and_again_when_they_are_back() -> None:
    seats = Seats(3)
    assert sorted(seats.take() for _ in range(3)) == [0, 1, 2]
    assert seats.free == 0
    with pytest.raises(StopIteration):
        seats.take()
    seats.give_back(1)
    assert (seats.free, seats.take()) == (1, 1)


@given(st.lists(st.integers(0, 9)))
def test_places_have_no_gaps(moves: list[int]) -> None:
    """Each number lets its slot in, or out if it is in; what stands where is kept beside."""
    span = Span(range(10))
    beside: list[int] = []
    for slot in moves:
        if slot in beside:
            place, last = span.leave(slot)
            assert beside[place] == slot
            assert last == len(beside) - 1
            beside[place] = beside[last]
            beside.pop()
        else:
            assert span.enter(slot) == len(beside)
            beside.append(slot)
        assert span.items == beside
        assert len(span) == len(beside)
