from __future__ import annotations

import pytest

from pcm.core.commands import Dispatch
from pcm.core.events import (
    BatchDone,
    BatchLost,
    ItemsDone,
    ReplicaChanged,
    ReplicaFailed,
    WorkerJoined,
    WorkerLeft,
    WorkerNotice,
)
from pcm.core.story import InvalidTransition
from tests.core.cluster import Cluster
from tests.core.story import CONTEXT, Story, only


def test_the_life_of_a_small_run() -> None:
    story = Story()
    story.join("a")
    story.open(2, batch_items=2)
    dispatch = only(story.warm("a"), Dispatch)
    story.finish(dispatch)
    assert [(type(c).__name__, c.cause) for c in story.commands] == [
        ("Load", 3),
        ("Dispatch", 5),
        ("Finish", 7),
    ]


def test_late_news_are_counted_and_otherwise_ignored() -> None:
    story = Story()
    (dispatch,) = story.start(1, "a")
    story.finish(dispatch)
    late = [
        ItemsDone(dispatch.batch, (0,)),
        BatchDone(dispatch.batch, 1.0),
        BatchLost(dispatch.batch, "replica_died"),
        WorkerLeft("nobody", "lost"),
        WorkerNotice("nobody", 1.0),
        ReplicaChanged("nobody", CONTEXT, "gpu", "warm"),
        ReplicaFailed("nobody", CONTEXT, "died", "?"),
    ]
    assert story.tell(*late) == []
    assert story.scheduler.events_ignored == len(late)


def test_an_outcome_that_is_told_twice_counts_once() -> None:
    story = Story()
    (dispatch,) = story.start(3, "a", batch_items=3)
    story.tell(ItemsDone(dispatch.batch, (0,)), ItemsDone(dispatch.batch, (0, 1), (0,)))
    progress = story.scheduler.progress("run")
    assert (progress.finished, progress.failed, progress.in_flight) == (2, 0, 1)


def test_nonsense_is_an_error() -> None:
    story = Story()
    (dispatch,) = story.start(1, "a")
    with pytest.raises(IndexError):
        story.tell(ItemsDone(dispatch.batch, (1,)))
    with pytest.raises(ValueError, match="never was a batch 99"):
        story.tell(BatchDone(99, 1.0))
    with pytest.raises(InvalidTransition, match="joined twice"):
        story.join("a")


def test_a_batch_that_ends_without_its_outcomes_is_tried_again_but_not_for_ever() -> None:
    story = Story()
    (dispatch,) = story.start(1, "a")
    for _ in range(2):
        dispatch = only(story.tell(BatchDone(dispatch.batch, 1.0), after=1.0), Dispatch)
    commands = story.tell(BatchDone(dispatch.batch, 1.0), after=1.0)
    assert [type(c).__name__ for c in commands] == ["GiveUp", "Finish"]


def test_a_lease_shows_what_the_manager_needs() -> None:
    story = Story()
    (dispatch,) = story.start(10, "a", batch_items=4)
    lease = story.scheduler.lease(dispatch.batch)
    assert lease is not None
    assert (lease.run, lease.worker, lease.context, lease.attempt) == ("run", "a", CONTEXT, 1)
    assert lease.items.tolist() == [0, 1, 2, 3]
    assert lease.item_at(3) == 3
    assert lease.dispatched_at == story.now
    story.finish(dispatch)
    assert story.scheduler.lease(dispatch.batch) is None


def test_progress_tells_when_a_run_will_be_done() -> None:
    story = Story()
    (first,) = story.start(11, "a", batch_items=1)
    assert story.scheduler.progress("run").eta_seconds is None
    story.finish(first, 2.0)
    progress = story.scheduler.progress("run")
    assert progress.eta_seconds == pytest.approx(20.0)
    assert (progress.items, progress.finished, progress.in_flight, progress.waiting) == (
        11,
        1,
        1,
        9,
    )
    assert (progress.workers, progress.warm_workers, progress.loading_workers) == (1, 1, 0)


def test_progress_stays_known_after_the_end() -> None:
    story = Story()
    (first,) = story.start(1, "a")
    story.finish(first)
    progress = story.scheduler.progress("run")
    assert (progress.items, progress.finished, progress.eta_seconds) == (1, 1, 0.0)
    with pytest.raises(KeyError):
        story.scheduler.progress("other")


def test_views_of_workers() -> None:
    story = Story()
    (dispatch,) = story.start(4, "a", batch_items=4)
    story.join("b")
    story.tell(WorkerNotice("b", 5.0))
    a, b = story.scheduler.worker_views()
    assert (a.worker, a.contexts, a.batches) == ("a", {CONTEXT: "warm"}, (dispatch.batch,))
    assert (a.items_in_flight, a.items_finished, a.available) == (4, 0, True)
    assert (b.available, b.going) == (False, "leaves in 5 s")


def test_present_tells_another_scheduler_of_the_same_workers() -> None:
    story = Story()
    story.start(4, "a", "b")
    story.tell(WorkerNotice("b", 5.0))
    other = Story()
    other.tell(*story.scheduler.present())
    assert isinstance(story.scheduler.present()[0], WorkerJoined)
    seen = [(v.worker, v.contexts, v.available) for v in other.scheduler.worker_views()]
    assert seen == [("a", {CONTEXT: "warm"}, True), ("b", {CONTEXT: "warm"}, False)]


def test_the_same_events_give_the_same_commands() -> None:
    def told() -> list[object]:
        cluster = Cluster(seconds=lambda index: 0.1 + 0.05 * index)
        cluster.poison["run"] = {11}
        cluster.size(3)
        cluster.open("run", 60)
        cluster.advance(4.0)
        cluster.kill(sorted(cluster.machines)[0])
        cluster.settle()
        return list(cluster.commands)

    assert told() == told()
