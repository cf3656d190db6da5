"""Late batches are run twice where nobody has anything better to do, and nothing counts twice."""

from __future__ import annotations

import numpy as np

from pcm.core.commands import Cancel, Command, Dispatch, Finish, GiveUp
from pcm.core.events import (
    BatchDone,
    BatchLost,
    ItemsAdded,
    ItemsDone,
    RunClosed,
    SkewChanged,
)
from pcm.core.policy import Policy
from tests.core.cluster import Cluster
from tests.core.story import Story, none, only


def twice(
    policy: Policy | None = None, load_seconds: float = 1.0
) -> tuple[Story, Dispatch, list[Command]]:
    """Two workers alike, which need a second per item. ``a`` has the last four items and is late
    with them; the answer to its being late is the last of what is given."""
    story = Story(policy)
    story.join("a", "b")
    story.open(8, batch_items=4, close=False)
    answer = story.warm("a", "b", after=load_seconds)
    started = [command for command in answer if isinstance(command, Dispatch)]
    story.now += 4.005
    for dispatch in started:
        story.tell(ItemsDone(dispatch.batch, (0, 1, 2, 3)), BatchDone(dispatch.batch, 4.0))
    first = only(story.tell(ItemsAdded("run", np.ones(4)), RunClosed("run")), Dispatch)
    answer = []
    for _ in range(14):
        answer += story.tick(1.0)
    return story, first, answer


def test_an_idle_worker_runs_a_late_batch_as_well() -> None:
    _, first, answer = twice()
    copy = only(answer, Dispatch)
    assert copy.worker != first.worker
    assert copy.ranges == first.ranges
    assert copy.attempt == 2
    assert [score.worker for score in copy.why] == [copy.worker, first.worker]
    assert copy.why[0].total * 2.0 < copy.why[1].total


def test_in_a_short_run_a_batch_is_late_sooner() -> None:
    """Two workers alike, a tenth of a second per item; one has the last item and does not end."""
    story = Story()
    first, second = story.start(2, "a", "b", batch_items=1, close=False)
    story.finish(first, 0.1)
    story.finish(second, 0.1)
    story.tell(ItemsAdded("run", np.ones(1)), RunClosed("run"))
    last = story.all(Dispatch)[-1]
    begun = story.now
    while len(story.all(Dispatch)) < 4:
        deadline = story.scheduler.next_deadline()
        assert deadline is not None
        assert deadline < begun + 1.0, "a second is long for it"
        story.tick(deadline - story.now)
    assert story.all(Dispatch)[-1].ranges == last.ranges
    assert story.now > begun + 0.2, "it was not late so soon"


def test_not_where_it_is_switched_off() -> None:
    assert none(twice(Policy(speculate=False))[2], Dispatch)


def test_what_ends_first_counts_and_the_other_is_taken_back() -> None:
    story, first, answer = twice(Policy(lease_floor_seconds=5.0))
    copy = only(answer, Dispatch)
    commands = story.finish(copy, 4.0)
    # It is late by far more than the second that its context took to load.
    assert only(commands, Cancel).batch == first.batch
    assert only(commands, Finish).outcome == "completed"
    assert none(story.tell(BatchLost(first.batch, "cancelled")), Finish)
    assert not story.all(GiveUp)


def test_who_will_soon_be_done_goes_on_though_nobody_waits_for_it() -> None:
    story, first, answer = twice(load_seconds=60.0)
    copy = only(answer, Dispatch)
    commands = story.finish(copy, 4.0)
    assert none(commands, Cancel)
    assert only(commands, Finish).outcome == "completed"
    assert none(story.finish(first, 1.0), Finish)
    # Its worker was never without its context.
    assert story.scheduler._state.workers[first.worker].is_warm(first.context)
    assert only(story.open(1, run="next"), Dispatch).worker in (first.worker, copy.worker)


def test_a_worker_may_be_lost_with_a_batch_that_nobody_waits_for() -> None:
    story, first, answer = twice(load_seconds=60.0)
    story.finish(only(answer, Dispatch), 4.0)
    assert story.leave(first.worker, "lost") == []
    assert not story.scheduler._state.lingering


def test_the_first_may_still_be_faster() -> None:
    story, first, answer = twice()
    only(answer, Dispatch)
    commands = story.finish(first, 0.1)
    assert only(commands, Finish).outcome == "completed"
    assert none(commands, Cancel), "the copy will soon be done as well"


def test_each_item_counts_where_it_ends_first() -> None:
    story, first, answer = twice()
    copy = only(answer, Dispatch)
    story.tell(ItemsDone(first.batch, (0, 1)))
    story.tell(ItemsDone(copy.batch, (1, 2)))
    assert story.scheduler.progress("run").finished == 8 + 3
    commands = story.tell(ItemsDone(first.batch, (2, 3)), BatchDone(first.batch, 20.0))
    assert only(commands, Finish).outcome == "completed"
    assert story.scheduler.progress("run").finished == 12


def test_when_one_is_lost_the_other_goes_on_alone() -> None:
    story, first, answer = twice()
    copy = only(answer, Dispatch)
    assert none(story.leave(first.worker, "lost"), Dispatch)
    assert only(story.finish(copy, 4.0), Finish).outcome == "completed"


def test_when_both_are_lost_what_is_left_waits_again() -> None:
    story, first, answer = twice()
    copy = only(answer, Dispatch)
    story.tell(ItemsDone(copy.batch, (0,)))
    story.leave(first.worker, "lost")
    story.leave(copy.worker, "evicted")
    story.join("c")
    assert only(story.warm("c"), Dispatch).ranges == ((9, 12),)


def test_a_copy_is_not_copied_nor_a_batch_twice() -> None:
    story, _, _ = twice()
    assert len(story.all(Dispatch)) == 4
    story.join("c")
    story.warm("c")
    for _ in range(20):
        story.tick(1.0)
    assert len(story.all(Dispatch)) == 4


def test_one_that_was_sent_before_any_speed_was_known_is_copied_too() -> None:
    story = Story()
    first, second = story.start(2, "a", "b", batch_items=1)
    story.finish(second, 1.0)
    answer = []
    for _ in range(5):
        answer += story.tick(1.0)
    assert only(answer, Dispatch).ranges == first.ranges


def test_a_straggler_holds_nobody_up() -> None:
    """The last of ten workers is a hundred times slower than its fellows, and nobody knows."""

    def cluster(policy: Policy) -> Cluster:
        there = Cluster(policy, seconds=lambda index: 10.0 if index == 9 else 0.1)
        there.size(10)
        there.open("run", 2000, batch_items=10)
        there.settle()
        there.check_books("run")
        return there

    with_copies, without = cluster(Policy()), cluster(Policy(speculate=False))
    assert with_copies.now * 2 < without.now


def copied_after(**skews: float) -> float | None:
    """Two workers alike, which need a second per item, begin; ``a`` gets four more, and then their
    skews are told. After how many seconds the other runs them as well; None: not in eight."""
    story = Story()
    story.join("a", "b")
    story.open(8, batch_items=4, close=False)
    started = [one for one in story.warm("a", "b", after=1.0) if isinstance(one, Dispatch)]
    story.now += 4.005
    for dispatch in started:
        story.tell(ItemsDone(dispatch.batch, (0, 1, 2, 3)), BatchDone(dispatch.batch, 4.0))
    first = only(story.tell(ItemsAdded("run", np.ones(4)), RunClosed("run")), Dispatch)
    assert first.worker == "a"
    begun = story.now
    for worker, skew in skews.items():
        story.tell(SkewChanged(worker, skew))
    while story.now < begun + 8.0:
        if any(isinstance(one, Dispatch) for one in story.tick(0.25)):
            return story.now - begun
    return None


def test_one_that_is_late_where_telemetry_says_it_is_slow_is_helped_at_once() -> None:
    seconds = copied_after(a=3.0)
    assert seconds is not None
    assert 4.0 < seconds < 5.0
    assert copied_after() is None, "who is merely late is waited for"


def test_but_not_so_soon_by_another_one_of_which_that_is_said_too() -> None:
    assert copied_after(a=3.0, b=1.5) is None
