from __future__ import annotations

import math

from pcm.core.commands import Dispatch
from pcm.core.policy import Policy
from tests.core.cluster import Cluster
from tests.core.story import Story, only


def sizes(story: Story, dispatch: Dispatch, seconds_per_item: float) -> list[int]:
    """The sizes of the batches of a single worker until its run is over."""
    waiting, found = [dispatch], []
    while waiting:
        dispatch = waiting.pop(0)
        found.append(dispatch.item_count)
        commands = story.finish(dispatch, seconds_per_item * dispatch.item_count)
        waiting += [c for c in commands if isinstance(c, Dispatch)]
    return found


def test_the_users_batch_size_is_kept() -> None:
    story = Story()
    (first,) = story.start(25, "a", batch_items=10)
    assert sizes(story, first, 1.0) == [10, 10, 5]


def test_batches_start_small_and_grow_by_four_at_most() -> None:
    story = Story(Policy(batch_seconds_min=1000.0, batch_seconds_max=1000.0))
    (first,) = story.start(10_000, "a")
    found = sizes(story, first, 1.0)
    assert found[:6] == [1, 4, 16, 64, 256, 1000]


def test_a_batch_lasts_as_long_as_overhead_and_evictions_suggest() -> None:
    policy = Policy(batch_overhead_seconds=0.05, eviction_prior_seconds=2000.0)
    story = Story(policy)
    (first,) = story.start(10_000, "a")
    found = sizes(story, first, 0.1)
    best_seconds = math.sqrt(2 * 0.05 * 2000.0)
    assert 0.2 < max(found[:20]) * 0.1 / best_seconds < 2.0


def test_batches_are_cut_by_cost_and_not_by_number() -> None:
    story = Story(Policy(batch_seconds_min=10.0, batch_seconds_max=10.0))
    (first,) = story.start([1.0] * 20 + [9.0] * 50, "a")
    while first.ranges[0][0] < 20:
        first = only(story.finish(first, first.item_count * 1.0), Dispatch)
    assert first.item_count == 1


def test_batches_shrink_towards_the_end() -> None:
    cluster = Cluster(seconds=lambda index: 0.1)
    cluster.size(4)
    cluster.open("run", 1000)
    cluster.settle()
    sizes = [dispatch.item_count for _, dispatch in cluster.orders(Dispatch)]
    assert max(sizes) >= 20
    assert max(sizes[-4:]) <= 2
    assert sum(sizes) == 1000


def test_the_first_batch_of_a_new_worker_of_a_known_kind_is_not_small() -> None:
    story = Story()
    (dispatch,) = story.start(100_000, "a")
    for _ in range(6):
        dispatch = only(story.finish(dispatch, dispatch.item_count * 1.0), Dispatch)
    story.join("b")
    assert only(story.warm("b"), Dispatch).item_count > 1


def test_no_batch_has_more_items_than_the_policy_allows() -> None:
    story = Story(Policy(batch_items_max=50))
    (first,) = story.start(1000, "a")
    assert max(sizes(story, first, 1e-6)) == 50


def test_a_batch_that_no_message_can_hold_is_cut_in_halves() -> None:
    story = Story()
    (first,) = story.start(10, "a", batch_items=8)
    second = only(story.lose(first, "too_large", started=False), Dispatch)
    assert (second.ranges, second.attempt) == (((0, 4),), 1)
    third = only(story.lose(second, "too_large", started=False), Dispatch)
    assert sizes(story, third, 1.0) == [2] * 5


def test_what_was_cut_alike_before_does_not_make_batches_larger_again() -> None:
    story = Story()
    large = story.start(32, "a", "b", batch_items=8)
    smaller = story.lose(large[0], "too_large", started=False)
    smaller = story.lose(only(smaller, Dispatch), "too_large", started=False)
    assert only(smaller, Dispatch).item_count == 2
    assert only(story.lose(large[1], "too_large", started=False), Dispatch).item_count == 2
