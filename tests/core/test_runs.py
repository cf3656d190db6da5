from __future__ import annotations

import numpy as np
import pytest

from pcm.core.commands import Cancel, Dispatch, Finish, GiveUp
from pcm.core.estimates import REMEMBERED
from pcm.core.events import BatchDone, ItemsAdded, ItemsDone, RunCancelled, RunClosed, RunOpened
from tests.core.story import CONTEXT, Story, none, only


def test_a_run_is_finished_once_when_all_is_settled_and_it_is_closed() -> None:
    story = Story()
    (dispatch,) = story.start(1, "a", close=False)
    assert none(story.finish(dispatch), Finish)
    assert only(story.tell(RunClosed("run")), Finish).outcome == "completed"
    assert none(story.tell(RunClosed("run")), Finish)


def test_an_empty_run_is_finished_at_once() -> None:
    assert only(Story().open(0), Finish).outcome == "completed"


def test_a_run_that_was_finished_in_an_earlier_sitting_is_finished_at_once() -> None:
    assert only(Story().open(3, finished=np.ones(3, bool)), Finish).outcome == "completed"


def test_a_resumed_run_computes_exactly_what_is_missing() -> None:
    story = Story()
    done = np.array([1, 1, 0, 1, 0, 0], dtype=bool)
    (dispatch,) = story.start(6, "a", batch_items=6, finished=done)
    assert dispatch.ranges == ((2, 3), (4, 6))
    assert only(story.finish(dispatch), Finish).outcome == "completed"


def test_a_failed_item_is_tried_again_as_often_as_allowed_and_then_given_up() -> None:
    story = Story()
    (dispatch,) = story.start(2, "a", batch_items=2, retries=2)
    attempts = []
    for _ in range(3):
        attempts.append(dispatch.attempt)
        position = dispatch.item_count - 1
        done = tuple(range(position))
        commands = story.tell(ItemsDone(dispatch.batch, done, (position,)))
        commands += story.finish(dispatch)
        dispatch = next((c for c in commands if isinstance(c, Dispatch)), dispatch)
    assert attempts == [1, 2, 3]
    give_up = only(commands, GiveUp)
    assert (give_up.item, give_up.kind) == (1, "failed")
    assert only(commands, Finish).outcome == "completed"


def test_a_run_in_which_nothing_succeeds_fails_after_a_while() -> None:
    story = Story()
    (dispatch,) = story.start(10, "a", batch_items=5, failure_limit=5)
    commands = story.tell(ItemsDone(dispatch.batch, (), tuple(range(5))))
    assert len([c for c in commands if isinstance(c, GiveUp)]) == 5
    finish = only(commands + story.finish(dispatch), Finish)
    assert finish.outcome == "failed"
    assert finish.error == "the first 5 items failed, and none succeeded"


def test_one_success_lifts_the_limit() -> None:
    story = Story()
    (dispatch,) = story.start(10, "a", batch_items=10, failure_limit=5)
    commands = story.tell(ItemsDone(dispatch.batch, (0,), tuple(range(1, 10))))
    assert only(commands + story.finish(dispatch), Finish).outcome == "completed"


def test_a_cancelled_run_ends_when_its_batches_are_back() -> None:
    story = Story()
    (dispatch,) = story.start(10, "a", batch_items=5)
    commands = story.tell(RunCancelled("run"))
    assert only(commands, Cancel).reason == "cancelled"
    assert none(commands, Finish)
    assert only(story.lose(dispatch, "cancelled", done=2), Finish).outcome == "cancelled"
    assert story.scheduler.progress("run").finished == 2
    assert none(story.tell(RunCancelled("run")), Cancel, Finish)


def test_a_cancelled_run_ends_when_its_worker_is_gone() -> None:
    story = Story()
    story.start(10, "a", batch_items=5)
    story.tell(RunCancelled("run"))
    assert only(story.leave("a", "lost"), Finish).outcome == "cancelled"


def test_a_cancelled_run_that_was_not_begun_ends_at_once() -> None:
    story = Story()
    story.open(10)
    assert only(story.tell(RunCancelled("run")), Finish).outcome == "cancelled"


def test_what_is_opened_twice_or_never_is_an_error() -> None:
    story = Story()
    story.open(1)
    with pytest.raises(ValueError, match="opened before"):
        story.tell(RunOpened("run", CONTEXT))
    with pytest.raises(ValueError, match="never opened"):
        story.tell(RunCancelled("other"))
    with pytest.raises(ValueError, match="closed"):
        story.tell(ItemsAdded("run", [1.0]))


def test_items_that_come_after_a_cancel_are_ignored() -> None:
    story = Story()
    story.open(1, close=False)
    story.tell(RunCancelled("run"))
    assert story.tell(ItemsAdded("run", [1.0])) == []
    assert story.scheduler.events_ignored == 1


def test_of_a_run_that_is_over_the_counts_are_kept_and_nothing_else() -> None:
    story = Story()
    (dispatch,) = story.start(3, "a", batch_items=3)
    story.tell(ItemsDone(dispatch.batch, (0, 1), failed=(2,)), BatchDone(dispatch.batch, 1.0))
    state = story.scheduler._state
    assert state.runs == {}
    progress = story.scheduler.progress("run")
    assert (progress.items, progress.finished, progress.failed) == (3, 2, 1)
    assert (progress.in_flight, progress.eta_seconds, progress.warm_workers) == (0, 0.0, 1)
    with pytest.raises(ValueError, match="opened before"):
        story.tell(RunOpened("run", CONTEXT))
    late = [ItemsAdded("run", [1.0]), RunClosed("run"), RunCancelled("run")]
    assert story.tell(*late) == []


def test_a_context_is_forgotten_when_no_run_needs_it_and_no_worker_has_it() -> None:
    story = Story()
    (dispatch,) = story.start(1, "a")
    state, estimates = story.scheduler._state, story.scheduler._estimates
    story.finish(dispatch)
    assert list(state.contexts) == [CONTEXT]  # the next run finds it warm
    assert estimates._loads._means
    story.leave("a")
    assert state.contexts == {}
    assert estimates._loads._means  # the next run may well be about the same
    for number in range(REMEMBERED):
        story.open(0, run=f"run-{number}", context=f"context-{number}")
    assert estimates._loads._means == {}
    assert story.scheduler.progress("run").warm_workers == 0
    story.open(0, run="next", context="other")
    assert state.contexts == {}


def test_a_context_that_was_forgotten_can_be_used_again() -> None:
    story = Story()
    for number in range(3):
        worker, run = f"w{number}", f"run{number}"
        (dispatch,) = story.start(1, worker, run=run)
        assert only(story.finish(dispatch), Finish).run == run
        story.leave(worker)
