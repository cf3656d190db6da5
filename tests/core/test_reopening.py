from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcm.core.commands import Dispatch, Finish, GiveUp
from pcm.core.events import ItemsDone, ItemsReopened, RunCancelled, RunClosed
from pcm.core.items import FINISHED, IN_FLIGHT, WAITING, Items
from tests.core.story import Story, none, only


def test_a_failed_item_of_an_open_run_is_tried_again() -> None:
    story = Story()
    (dispatch,) = story.start(3, "a", batch_items=3, close=False)
    story.tell(ItemsDone(dispatch.batch, (0, 2), failed=(1,)))
    story.finish(dispatch)
    assert [g.item for g in story.all(GiveUp)] == [1]
    again = only(story.tell(ItemsReopened("run", ((1, 2),))), Dispatch)
    assert (again.ranges, again.attempt) == (((1, 2),), 1)
    progress = story.scheduler.progress("run")
    assert (progress.finished, progress.failed, progress.in_flight) == (2, 0, 1)
    story.finish(again)
    assert only(story.tell(RunClosed("run")), Finish).outcome == "completed"
    assert story.scheduler.progress("run").finished == 3


def test_one_that_fails_again_is_given_up_again() -> None:
    story = Story()
    (dispatch,) = story.start(2, "a", batch_items=1)
    story.tell(ItemsDone(dispatch.batch, (), failed=(0,)))
    (second,) = [c for c in story.finish(dispatch) if isinstance(c, Dispatch)]
    story.tell(ItemsReopened("run", ((0, 1),)))
    (again,) = [c for c in story.finish(second) if isinstance(c, Dispatch)]
    commands = story.tell(ItemsDone(again.batch, (), failed=(0,)))
    assert only(commands, GiveUp).item == 0
    assert only(story.finish(again), Finish).outcome == "completed"


def test_a_quarantined_item_starts_with_nothing_held_against_it() -> None:
    story = Story()
    (dispatch,) = story.start(1, "a", batch_items=1, close=False)
    for _ in range(3):
        commands = story.lose(dispatch)
        dispatch = next((c for c in commands if isinstance(c, Dispatch)), dispatch)
    assert only(story.all(GiveUp), GiveUp).kind == "quarantined"
    again = only(story.tell(ItemsReopened("run", ((0, 1),))), Dispatch)
    assert none(story.lose(again), GiveUp)


def test_failures_of_an_earlier_sitting_are_met_where_they_wait() -> None:
    story = Story()
    done = np.array([1, 1, 0, 1, 0, 1], dtype=bool)
    story.open(6, finished=done, batch_items=6)
    story.tell(ItemsReopened("run", ((1, 2), (3, 4), (5, 6))))
    story.join("a")
    dispatch = only(story.warm("a"), Dispatch)
    items = [item for start, stop in dispatch.ranges for item in range(start, stop)]
    assert sorted(items) == [1, 2, 3, 4, 5]
    assert len(items) == len(set(items))
    assert only(story.finish(dispatch), Finish).outcome == "completed"


def test_of_a_run_that_ends_or_is_over_nothing_is_opened() -> None:
    story = Story()
    (dispatch,) = story.start(2, "a", batch_items=1)
    story.tell(ItemsDone(dispatch.batch, (), failed=(0,)))
    (second,) = [c for c in story.finish(dispatch) if isinstance(c, Dispatch)]
    story.tell(RunCancelled("run"))
    assert story.tell(ItemsReopened("run", ((0, 1),))) == []
    story.lose(second, "cancelled")
    assert story.tell(ItemsReopened("run", ((0, 1),))) == []
    assert story.scheduler.events_ignored == 2


def test_items_that_are_not_there_are_an_error() -> None:
    story = Story()
    story.open(2)
    with pytest.raises(IndexError, match="2 items"):
        story.tell(ItemsReopened("run", ((1, 3),)))


@settings(max_examples=200)
@given(
    finished=st.lists(st.booleans(), min_size=1, max_size=30),
    taken=st.integers(0, 5),
    back=st.booleans(),
    opened=st.sets(st.integers(0, 29)),
)
def test_whatever_is_reopened_is_taken_exactly_once(
    finished: list[bool], taken: int, back: bool, opened: set[int]
) -> None:
    items = Items()
    items.add(np.ones(len(finished)), np.array(finished), dearest_first=False)
    flying: set[int] = set()
    if taken and (cut := items.take(items.lane, taken, 1e9)):
        for start, stop in cut.ranges:
            flying.update(range(start, stop))
    if back:
        for item in sorted(flying):
            items.give_back(item, item + 1)
            items.put_last(item, item + 1, 2)
        flying = set()
    opened = {item for item in opened if item < len(finished)}
    count = items.reopen(tuple((item, item + 1) for item in sorted(opened)))
    assert count == sum(finished[item] for item in opened)
    waiting = {i for i in range(len(finished)) if items.state[i] == WAITING}
    assert items.waiting_cost == pytest.approx(len(waiting))
    met: list[int] = []
    while cut := items.take(items.lane, 3, 1e9):
        met += [item for start, stop in cut.ranges for item in range(start, stop)]
    assert sorted(met) == sorted(waiting)
    assert all(items.state[i] == IN_FLIGHT for i in flying | waiting)
    assert items.state.count(FINISHED) == items.finished
