from __future__ import annotations

import pytest

from pcm.core.events import ReplicaChanged
from pcm.core.story import InvalidTransition
from tests.core.story import CONTEXT, Story


def test_an_illegal_change_tells_the_story_of_the_worker() -> None:
    story = Story()
    story.start(1, "a")
    scheduler = story.scheduler
    worker, context = scheduler._state.workers["a"], scheduler._state.contexts[CONTEXT]
    with pytest.raises(InvalidTransition, match="cannot go from warm to warm") as caught:
        scheduler._basis.lifecycle.replica(worker, context, "warm", story.now)
    assert any("WorkerJoined(worker='a'" in line for line in caught.value.story)
    assert any("Load(worker='a'" in line for line in caught.value.story)


def test_a_replica_in_use_cannot_be_given_up() -> None:
    story = Story()
    story.start(1, "a")
    scheduler = story.scheduler
    worker, context = scheduler._state.workers["a"], scheduler._state.contexts[CONTEXT]
    with pytest.raises(InvalidTransition, match="in use"):
        scheduler._basis.lifecycle.replica(worker, context, "draining", story.now)


def test_an_ended_batch_stays_ended() -> None:
    story = Story()
    (dispatch,) = story.start(1, "a")
    batch = story.scheduler.lease(dispatch.batch)
    assert batch is not None
    story.finish(dispatch)
    with pytest.raises(InvalidTransition, match="from ended to running"):
        story.scheduler._basis.lifecycle.batch(batch, "running", story.now)


def test_a_context_that_was_there_before_it_was_asked_for_is_used() -> None:
    story = Story()
    story.join("a")
    story.tell(ReplicaChanged("a", CONTEXT, "gpu", "warm"))
    commands = story.open(1)
    assert [type(c).__name__ for c in commands] == ["Dispatch"]


def test_a_worker_may_reload_a_context_by_itself() -> None:
    story = Story()
    story.join("a")
    story.open()
    story.warm("a")
    story.tell(ReplicaChanged("a", CONTEXT, "disk", "loading"))
    assert story.scheduler.worker_views()[0].contexts == {CONTEXT: "loading"}
