"""What the chronicle is kept in: columns, steps, waiting, ramps, items, batches."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcm.chronicle.batches import OpenBatch
from pcm.chronicle.columns import Records, Steps
from pcm.chronicle.items import Costs, Items
from pcm.chronicle.pieces import LOADING, LOST, USEFUL, Stretch, settled
from pcm.chronicle.ramps import Ramp
from pcm.chronicle.waits import Waits
from tests.report.logs import dispatch

TIMES = st.floats(0, 100)


def test_steps_hold_until_the_next() -> None:
    steps = Steps("id")
    assert steps.at(5.0) == (0, 0.0)
    steps.note(1.0, 3, 0.5)
    steps.note(2.0, 4, 0.6)
    steps.note(2.0, 5, 0.7)
    assert [steps.at(at) for at in (0.9, 1.0, 1.9, 2.0, 9.0)] == [
        (0, 0.0), (3, 0.5), (3, 0.5), (5, 0.7), (5, 0.7),
    ]  # fmt: skip
    counts, sums = steps.sampled(np.array([0.0, 1.5, 3.0]))
    assert counts.tolist() == [0, 3, 5]
    assert sums.tolist() == [0.0, 0.5, 0.7]


def test_records_grow_after_they_were_read() -> None:
    records = Records("iq")
    assert [len(column) for column in records.read()] == [0, 0]
    records.append(1, 2)
    before = records.read()
    records.append(3, 4)
    records.replace(0, 5, 6)
    assert [column.tolist() for column in before] == [[1], [2]]
    assert [column.tolist() for column in records.read()] == [[5, 3], [6, 4]]
    assert records.row(1) == (3, 4)


@given(st.lists(TIMES, max_size=20), st.lists(TIMES, min_size=1, max_size=10))
def test_waiting_is_a_clock_that_stands_still(edges: list[float], asked: list[float]) -> None:
    waits = Waits()
    edges.sort()
    for number, at in enumerate(edges):
        waits.changed(at, number % 2 == 0)

    def plainly(at: float) -> float:
        ends = [*edges, 1e9][: len(edges) + len(edges) % 2]
        return sum(max(0.0, min(at, b) - a) for a, b in zip(ends[::2], ends[1::2], strict=True))

    assert [waits.until(at) for at in asked] == pytest.approx([plainly(at) for at in asked])
    each = waits.until_each(np.array(asked))
    assert each.tolist() == pytest.approx([waits.until(at) for at in asked])


@given(
    st.lists(st.tuples(TIMES, TIMES).map(sorted), max_size=30),
    st.lists(TIMES, min_size=1, max_size=5),
)
def test_ramps_count_the_seconds_before_a_moment(
    stretches: list[list[float]], asked: list[float]
) -> None:
    ramp = Ramp()
    for start, stop in stretches:
        ramp.end(stop, stop / 2)
        ramp.begin(start, start / 2)
    times = np.array(asked)
    passed = ramp.passed(times, times / 2)
    for place, at in enumerate(asked):
        seconds = sum(max(0.0, min(at, b) - a) for a, b in stretches)
        assert passed.seconds[place] == pytest.approx(seconds, abs=1e-9)
        assert passed.waiting[place] == pytest.approx(seconds / 2, abs=1e-9)


STRETCHES = st.lists(
    st.tuples(TIMES, TIMES, st.sampled_from([USEFUL, LOST, LOADING]), st.integers(0, 2)).map(
        lambda one: Stretch(min(one[:2]), max(one[:2]) + 0.01, one[2], one[3], -1)
    ),
    max_size=12,
)


@given(STRETCHES, TIMES)
def test_each_moment_counts_once(stretches: list[Stretch], until: float) -> None:
    pieces, left = settled(list(stretches), until)
    rest, nothing = settled(list(left), 1e9)
    assert not nothing
    both = [*pieces, *rest]
    for before, after in pairwise(both):
        assert before.stop <= after.start
    edges = sorted({edge for one in stretches for edge in one[:2]} | {until})
    for start, stop in pairwise(edges):
        middle = (start + stop) / 2
        uses = [one.use for one in stretches if one.start <= middle < one.stop]
        shown = [one.use for one in both if one.start <= middle < one.stop]
        assert shown == ([min(uses)] if uses else [])


def test_costs_that_were_not_told_are_like_the_mean() -> None:
    costs = Costs(np.array([1.0, 3.0]))
    assert costs.of(slice(0, 4)) == 8.0
    assert costs.of(np.array([1, 5])) == 5.0
    assert costs.of_all(3) == 6.0
    assert Costs(None).of_all(7) == 7.0


def test_an_item_in_two_batches_is_held_once() -> None:
    items = Items()
    items.open = 10
    items.taken(slice(0, 4), 4)
    items.taken(np.array([2, 3, 7]), 8)
    assert items.held == 5
    assert items.finished(np.array([3, 2]))[0] == 2
    assert (items.open, items.held) == (8, 3)
    kept, new = items.finished(slice(2, 4))
    assert (kept, list(np.arange(10)[new])) == (0, [])
    items.returned(slice(0, 4))
    assert items.held == 1
    assert not items.batch_finished(slice(2, 4))
    items.gave_up(7)
    assert (items.open, items.held) == (7, 0)
    items.reopened(7, 8)
    assert (items.open, items.held) == (8, 1)  # it is in a batch still


@given(st.data())
def test_a_batch_knows_who_has_left_it(data: st.DataObject) -> None:
    ranges = data.draw(st.sampled_from([((3, 9),), ((3, 6), (10, 13))]))
    batch = OpenBatch(0, 0, "c", 0.0, dispatch(1, ranges))
    items = [item for start, stop in ranges for item in range(start, stop)]
    left: set[int] = set()
    for _ in range(data.draw(st.integers(0, 4))):
        positions = tuple(data.draw(st.lists(st.integers(0, 5), unique=True)))
        told = np.arange(20)[batch.items_at(positions)].tolist()
        assert told == [items[position] for position in positions]
        gone = np.arange(20)[batch.leave(positions)].tolist()
        assert sorted(gone) == sorted(items[p] for p in positions if p not in left)
        left |= set(positions)
    assert batch.outcomes == len(left)
    assert batch.is_complete == (len(left) == 6)
    decided = np.arange(20)[batch.decided_items].tolist()
    assert decided == [item for place, item in enumerate(items) if place in left]
    assert len(np.arange(20)[batch.open_items]) == 6 - len(left)
