from __future__ import annotations

import numpy as np

from pcm.core.commands import Dispatch
from pcm.core.events import ItemsAdded, SkewChanged
from tests.core.story import Story, none, only


def more(run: str, count: int) -> ItemsAdded:
    return ItemsAdded(run, np.ones(count))


def test_nothing_is_sent_before_the_context_is_warm() -> None:
    story = Story()
    story.join("a")
    commands = story.open(10)
    assert none(commands, Dispatch)
    assert only(story.warm("a"), Dispatch).worker == "a"


def test_the_faster_of_two_free_workers_is_chosen_and_the_choice_explained() -> None:
    story = Story()
    for dispatch in story.start(2, "slow", "fast", batch_items=1, close=False):
        story.finish(dispatch, 4.0 if dispatch.worker == "slow" else 1.0)
    dispatch = only(story.tell(more("run", 1)), Dispatch)
    assert dispatch.worker == "fast"
    assert [score.worker for score in dispatch.why] == ["fast", "slow"]
    assert dispatch.why[0].total < dispatch.why[1].total
    assert dispatch.why[1].work == 4.0


def test_a_skewed_worker_comes_second() -> None:
    story = Story()
    for dispatch in story.start(2, "a", "b", batch_items=1, close=False):
        story.finish(dispatch, 1.0)
    story.tell(SkewChanged("a", 3.0))
    dispatch = only(story.tell(more("run", 1)), Dispatch)
    assert dispatch.worker == "b"
    assert dispatch.why[1].work == 3.0


def test_a_batch_that_was_slow_in_its_last_part_says_nothing_of_the_news() -> None:
    story = Story()
    for dispatch in story.start(2, "a", "b", batch_items=1, close=False):
        story.finish(dispatch, 10.0)
    for dispatch in [c for c in story.tell(more("run", 2)) if isinstance(c, Dispatch)]:
        if dispatch.worker == "a":
            straddling = dispatch
    story.tell(SkewChanged("a", 4.0), after=9.0)
    story.finish(straddling, 14.0)
    after = only(story.tell(more("run", 1)), Dispatch)
    assert (after.worker, after.predicted_seconds) == ("a", 40.0)


def test_what_a_slow_worker_took_last_is_run_again_by_the_faster_one_that_is_free_sooner() -> None:
    story = Story()
    slow, fast = story.start(2, "slow", "fast", batch_items=1, close=False)
    story.finish(fast, 1.0)
    story.finish(slow, 9.0)
    first = only(story.tell(more("run", 1)), Dispatch)
    assert first.worker == "fast"
    last = only(story.tell(more("run", 1)), Dispatch)
    assert last.worker == "slow"
    copy = only(story.finish(first, 1.0), Dispatch)
    assert (copy.worker, copy.ranges) == ("fast", last.ranges)
    story.finish(copy, 1.0)
    assert story.scheduler.progress("run").finished == 4


def test_with_plenty_of_work_the_slow_worker_has_its_part() -> None:
    story = Story()
    for dispatch in story.start(2, "slow", "fast", batch_items=1, close=False):
        story.finish(dispatch, 10.0 if dispatch.worker == "slow" else 1.0)
    commands = story.tell(more("run", 100))
    assert {c.worker for c in commands if isinstance(c, Dispatch)} == {"slow", "fast"}


def test_a_second_batch_is_queued_behind_a_short_one() -> None:
    story = Story()
    (first,) = story.start(100, "a", batch_items=1)
    commands = story.finish(first, 0.1)
    assert [c.worker for c in commands if isinstance(c, Dispatch)] == ["a", "a"]


def test_no_second_batch_is_queued_behind_a_long_one() -> None:
    story = Story()
    (first,) = story.start(100, "a", batch_items=1)
    only(story.finish(first, 5.0), Dispatch)


def test_in_the_tail_no_second_batch_is_queued_where_another_could_begin_it_sooner() -> None:
    story = Story()
    a, b = story.start(5, "a", "b", batch_items=1)
    story.finish(a, 0.5)
    commands = story.finish(b, 0.5)
    in_flight = [d for d in story.all(Dispatch) if story.scheduler.lease(d.batch)]
    assert sorted(d.worker for d in in_flight) == ["a", "a", "b"]
    assert none(commands, Dispatch) or len(in_flight) == 3


def test_the_dearest_item_goes_first_once_a_speed_is_known() -> None:
    story = Story()
    costs = np.ones(200)
    costs[150] = 60.0
    first = only(story.start(costs, "a"), Dispatch)
    assert first.ranges == ((0, 1),)
    assert only(story.finish(first, 1.0), Dispatch).ranges == ((150, 151),)


def test_the_dearest_item_is_not_for_a_worker_that_would_be_last() -> None:
    story = Story()
    costs = np.ones(40)
    costs[[20, 30]] = 14.0, 15.0
    story.join("slow", kind="slow")
    fast = only(story.start(costs, "fast"), Dispatch)  # of another kind
    slow = only(story.warm("slow"), Dispatch)
    assert only(story.finish(fast, 1.0), Dispatch).ranges == ((30, 31),)
    # It would be at it for 140 s, and both together have done all that waits within 60.
    assert (20, 21) not in only(story.finish(slow, 10.0), Dispatch).ranges


def test_runs_on_the_same_context_take_turns() -> None:
    story = Story()
    (first,) = story.start(100, "a", batch_items=1, run="one")
    story.open(100, run="two", batch_items=1)
    order = ["one"]
    for _ in range(9):
        (first,) = [c for c in story.finish(first, 2.0) if isinstance(c, Dispatch)]
        order.append(first.run)
    assert 4 <= order.count("two") <= 6
