from __future__ import annotations

import sys

import numpy as np
import pytest

from pcm.core.items import FAILED, FINISHED, Cut, Items, Span, spans_of

INF = float("inf")


def take(items: Items, items_max: int = 100, cost_max: float = INF) -> Cut | None:
    return items.take(items.lane, items_max, cost_max)


def test_a_batch_is_bounded_by_items_and_by_cost() -> None:
    items = Items()
    items.add([1.0, 2.0, 3.0, 4.0])
    assert take(items, items_max=2) == Cut(((0, 2),), 1, 2, 3.0)
    assert take(items, cost_max=6.9) == Cut(((2, 3),), 1, 1, 3.0)
    assert items.waiting == 1
    assert items.waiting_cost == pytest.approx(4.0)


def test_an_item_that_costs_more_than_the_bound_goes_alone() -> None:
    items = Items()
    items.add([50.0, 1.0])
    assert take(items, cost_max=10.0) == Cut(((0, 1),), 1, 1, 50.0)


def test_finished_items_of_a_resumed_run_are_passed_over() -> None:
    items = Items()
    items.add(np.ones(8), finished=np.array([1, 0, 0, 1, 1, 0, 0, 1], dtype=bool))
    assert items.counts == [4, 0, 4, 0]
    assert take(items) == Cut(((1, 3), (5, 7)), 1, 4, 4.0)
    assert take(items) is None
    assert items.waiting_cost == 0.0


def test_a_batch_holds_items_of_one_attempt_only() -> None:
    items = Items()
    items.add(np.ones(4))
    items.put_last(4, 4, attempt=1)
    assert take(items, items_max=2) is not None
    items.give_back(0, 2)
    items.lane.appendleft(Span(0, 2, 2))
    assert take(items) == Cut(((0, 2),), 2, 2, 2.0)
    assert take(items) == Cut(((2, 4),), 1, 2, 2.0)


def test_items_added_one_by_one_make_one_span() -> None:
    items = Items()
    for _ in range(1000):
        items.add([1.0])
    assert list(items.lane) == [Span(0, 1000, 1)]


def test_settled_items_are_counted() -> None:
    items = Items()
    items.add([1.0, 2.0])
    take(items)
    items.settle(0, FINISHED)
    items.settle(1, FAILED)
    assert items.counts == [0, 0, 1, 1]
    assert items.in_flight_cost == pytest.approx(0.0)


@pytest.mark.parametrize("costs", [[0.0], [-1.0], [float("nan")], [INF], [[1.0]]])
def test_costs_must_be_positive_numbers(costs: list[float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Items().add(costs)


def test_finished_must_have_the_shape_of_the_costs() -> None:
    with pytest.raises(ValueError, match="shape"):
        Items().add([1.0, 1.0], finished=[True])


def test_a_million_items_take_less_than_30_bytes_each() -> None:
    items = Items()
    for _ in range(100):
        items.add(np.ones(10_000))
    size = sys.getsizeof(items.state) + sys.getsizeof(items._sums) + sys.getsizeof(items.lane)
    assert len(items) == 1_000_000
    assert size / len(items) < 30


def test_the_dearest_wait_on_a_lane_of_their_own() -> None:
    items = Items()
    costs = np.ones(100)
    costs[[10, 50, 70]] = 20.0, 30.0, 25.0
    items.add(costs, dearest_first=True)
    assert items.take_dearest() == Cut(((50, 51),), 1, 1, 30.0)
    assert items.take_dearest(24.0) == Cut(((10, 11),), 1, 1, 20.0)
    assert items.take_dearest(24.0) is None
    assert items.take_dearest() == Cut(((70, 71),), 1, 1, 25.0)
    assert take(items) == Cut(((0, 10), (11, 50), (51, 70), (71, 100)), 1, 97, 97.0)
    assert items.waiting == 0


def test_few_are_the_dearest() -> None:
    items = Items()
    costs = np.ones(1600)
    costs[::2] = 100.0
    items.add(costs, dearest_first=True)
    assert not items.dear  # They are twice the mean.
    costs[::2] = 1.0
    costs[::10] = 100.0
    items.add(costs, dearest_first=True)
    assert len(items.dear) == 1600 // 16
    items.add(costs[:100] * 7, dearest_first=True)
    assert [items.cost(i, i + 1) for i in items.dear[-9:]] == [100.0] + [700.0] * 8


def test_of_equal_costs_none_is_dear() -> None:
    items = Items()
    items.add(np.ones(1000), dearest_first=True)
    assert not items.dear


def test_a_finished_item_is_not_taken_for_its_price() -> None:
    items = Items()
    items.add([1.0] * 9 + [50.0], [False] * 9 + [True], dearest_first=True)
    assert items.take_dearest() is None
    assert items.waiting == 9


def test_spans_keep_the_given_order() -> None:
    assert spans_of([4, 5, 6, 1, 3]) == [(4, 7), (1, 2), (3, 4)]
