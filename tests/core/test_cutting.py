from __future__ import annotations

import numpy as np

from pcm.core.commands import Dispatch
from pcm.core.events import Capacity, WorkerJoined
from pcm.core.policy import Policy
from tests.core.story import Story, none, only


def test_no_item_is_begun_that_its_worker_is_known_to_leave_too_soon_for() -> None:
    story = Story()
    story.tell(WorkerJoined("a", Capacity(), leaves_in_seconds=100.0))
    story.open([10.0] * 20, batch_items=1)
    dispatch = only(story.warm("a", after=5.0), Dispatch)
    while dispatch is not None and len(story.all(Dispatch)) < 20:
        commands = story.finish(dispatch, 10.0)
        dispatch = next((c for c in commands if isinstance(c, Dispatch)), None)
    assert dispatch is None
    assert 85.0 < story.now < 100.0
    assert story.scheduler.next_deadline() is not None


def test_who_is_still_there_after_the_known_end_is_used_again() -> None:
    story = Story()
    story.tell(WorkerJoined("a", Capacity(), leaves_in_seconds=25.0))
    story.open([10.0] * 20, batch_items=1)
    first = only(story.warm("a", after=5.0), Dispatch)
    assert none(story.finish(first, 11.0), Dispatch)
    deadline = story.scheduler.next_deadline()
    assert deadline == 25.0
    assert only(story.tick(deadline - story.now), Dispatch).worker == "a"


def test_an_item_too_dear_for_every_worker_is_tried_by_a_fresh_one() -> None:
    story = Story()
    story.tell(WorkerJoined("a", Capacity(), leaves_in_seconds=50.0))
    story.open([1.0, 1000.0], batch_items=1)
    first = only(story.warm("a", after=1.0), Dispatch)
    assert none(story.finish(first, 1.0), Dispatch)
    story.leave("a")
    story.tell(WorkerJoined("b", Capacity(), leaves_in_seconds=50.0))
    assert only(story.warm("b", after=1.0), Dispatch).ranges == ((1, 2),)


def test_a_batch_is_no_longer_than_its_worker_stays() -> None:
    story = Story(Policy(batch_seconds_min=1000.0, batch_seconds_max=1000.0, batch_growth=1e9))
    story.tell(WorkerJoined("a", Capacity(), leaves_in_seconds=100.0))
    story.open(1000)
    first = only(story.warm("a"), Dispatch)
    assert 90 <= only(story.finish(first, 1.0), Dispatch).item_count <= 99


def a_dear_item_where(story: Story) -> str:
    """Sixteen hasty workers were seen to go, a steady one to stay; both kinds are there. Who is
    given the dear item?"""
    story.tell(WorkerJoined("steady", Capacity(kind="steady")))
    for n in range(16):
        story.tell(WorkerJoined(f"gone-{n}", Capacity(kind="hasty")))
        story.now += 100.0
        story.leave(f"gone-{n}")
    costs = np.ones(2000)
    costs[500] = 60.0
    story.open([1.0, 1.0], "before")
    (first,) = [c for c in story.warm("steady") if isinstance(c, Dispatch)]
    story.finish(first, 1.0)
    story.finish(story.all(Dispatch)[-1], 1.0)
    story.tell(WorkerJoined("hasty", Capacity(kind="hasty")))
    story.open(costs)
    story.warm("hasty")
    while not any(d.ranges == ((500, 501),) for d in story.all(Dispatch)):
        for dispatch in story.all(Dispatch):
            if story.scheduler.lease(dispatch.batch) is not None and dispatch.worker == "hasty":
                story.finish(dispatch, float(dispatch.item_count))
                break
        else:
            raise AssertionError("the hasty worker was given nothing")
        if len(story.all(Dispatch)) > 8:
            break
    for dispatch in story.all(Dispatch):
        if dispatch.ranges == ((500, 501),):
            return dispatch.worker
    return ""


def test_a_dear_item_is_not_begun_where_evictions_are_frequent() -> None:
    assert a_dear_item_where(Story(Policy(risk_max=1e9))) == "hasty"
    assert a_dear_item_where(Story()) != "hasty"
