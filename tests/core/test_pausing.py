from __future__ import annotations

import pytest

from pcm.core.commands import Cancel, Dispatch, Finish, Load, Want
from pcm.core.events import (
    Capacity,
    ItemsAdded,
    ItemsDone,
    PoolOffered,
    RunCancelled,
    RunClosed,
    RunPaused,
    RunUnpaused,
)
from tests.core.story import CONTEXT, Story, none, only


def test_a_paused_run_gets_no_batches_and_its_running_ones_go_on_to_their_end() -> None:
    story = Story()
    (dispatch,) = story.start(4, "a", batch_items=2)
    assert none(story.tell(RunPaused("run")), Cancel, Dispatch)
    assert none(story.finish(dispatch), Dispatch, Finish)
    progress = story.scheduler.progress("run")
    assert (progress.finished, progress.waiting, progress.in_flight) == (2, 2, 0)
    assert progress.paused
    assert progress.eta_seconds is None
    resumed = only(story.tell(RunUnpaused("run")), Dispatch)
    assert resumed.ranges == ((2, 4),)
    assert not story.scheduler.progress("run").paused
    assert only(story.finish(resumed), Finish).outcome == "completed"


def test_a_paused_run_loads_nothing_and_keeps_what_is_loaded() -> None:
    story = Story()
    (dispatch,) = story.start(4, "a", batch_items=2)
    story.tell(RunPaused("run"))
    story.finish(dispatch)
    assert none(story.join("b"), Load)
    assert story.scheduler.progress("run").warm_workers == 1
    # A run that waits may have the worker.
    other = story.open(2, run="other", context="second", batch_items=1)
    assert {load.context for load in other if isinstance(load, Load)} == {"second"}


def test_a_run_whose_last_batches_end_while_it_is_paused_is_done() -> None:
    story = Story()
    (dispatch,) = story.start(2, "a", batch_items=2)
    story.tell(RunPaused("run"))
    assert only(story.finish(dispatch), Finish).outcome == "completed"


def test_what_comes_back_or_is_added_while_a_run_is_paused_waits() -> None:
    story = Story()
    (dispatch,) = story.start(3, "a", batch_items=3, close=False, retries=1)
    story.tell(RunPaused("run"))
    assert none(story.tell(ItemsDone(dispatch.batch, (0,), failed=(1,))), Dispatch)
    assert none(story.lose(dispatch, "cancelled"), Dispatch)
    assert none(story.tell(ItemsAdded("run", [1.0, 1.0]), RunClosed("run")), Dispatch)
    assert story.scheduler.progress("run").waiting == 4
    assert only(story.tell(RunUnpaused("run")), Dispatch)


def test_late_batches_of_a_paused_run_are_not_copied() -> None:
    copies = []
    for pause in (False, True):
        story = Story()
        first, second = story.start([30.0, 30.0], "a", "b", batch_items=1)
        story.finish(first, 30.0)
        if pause:
            story.tell(RunPaused("run"))
        for _ in range(40):
            story.tick(10.0)
        of_second = [d for d in story.all(Dispatch) if d.ranges == second.ranges]
        copies.append(len(of_second) - 1)
    assert copies[0] > 0
    assert copies[1] == 0


def test_a_paused_run_can_be_cancelled() -> None:
    story = Story()
    (dispatch,) = story.start(4, "a", batch_items=2)
    story.tell(RunPaused("run"))
    assert only(story.tell(RunCancelled("run")), Cancel).batch == dispatch.batch
    assert only(story.lose(dispatch, "cancelled"), Finish).outcome == "cancelled"


def test_a_pause_is_no_debt_of_the_others() -> None:
    story = Story()
    (dispatch,) = story.start(100, "a", batch_items=1)
    story.tell(RunPaused("run"))
    story.finish(dispatch)
    (dispatch,) = [c for c in story.open(100, run="other", batch_items=1) if type(c) is Dispatch]
    for _ in range(20):
        dispatch = only(story.finish(dispatch), Dispatch)
        assert dispatch.run == "other"
    story.tell(RunUnpaused("run"))
    runs = []
    for _ in range(10):
        dispatch = only(story.finish(dispatch), Dispatch)
        runs.append(dispatch.run)
    assert 4 <= runs.count("run") <= 6


def test_an_offered_pool_is_not_asked_for_workers_of_a_paused_run() -> None:
    story = Story()
    story.tell(PoolOffered("glideins", 8, Capacity(pool="glideins")))
    want = only(story.open(40, batch_items=5), Want)
    assert want.workers == 8
    assert only(story.tell(RunPaused("run")), Want).workers == 0
    assert only(story.tell(RunUnpaused("run")), Want).workers == 8


def test_pausing_twice_or_a_run_that_is_over_changes_nothing() -> None:
    story = Story()
    (dispatch,) = story.start(2, "a", batch_items=1)
    assert story.tell(RunPaused("run"), RunPaused("run")) == []
    story.finish(dispatch)
    last = only(story.tell(RunUnpaused("run"), RunUnpaused("run")), Dispatch)
    story.finish(last)
    assert story.tell(RunPaused("run"), RunUnpaused("run")) == []
    with pytest.raises(ValueError, match="never opened"):
        story.tell(RunPaused("other"))
    assert story.scheduler.progress("run").finished == 2
    assert CONTEXT in story.scheduler._state.contexts
