from __future__ import annotations

from pcm.core.commands import Cancel, Dispatch, Provision, Retire
from pcm.core.events import BatchLost, ItemsDone, PoolSized, Tick, WorkerLeft
from tests.core.cluster import Cluster
from tests.core.story import Story, none, only


def known_speed(seconds: float, items: int = 100, batch_items: int = 1) -> tuple[Story, Dispatch]:
    """A story with one worker, whose second batch has just been sent."""
    story = Story()
    (first,) = story.start(items, "a", batch_items=batch_items)
    return story, only(story.finish(first, seconds), Dispatch)


def test_a_first_lease_is_long() -> None:
    story = Story()
    story.start(1, "a")
    assert none(story.tick(1799.0), Cancel)
    assert only(story.tick(2.0), Cancel).reason == "deadline"


def test_a_lease_is_ten_times_what_was_predicted_and_a_minute_at_least() -> None:
    story, _ = known_speed(2.0)
    assert none(story.tick(59.0), Cancel)
    assert only(story.tick(2.0), Cancel)
    story, _ = known_speed(20.0)
    assert none(story.tick(199.0), Cancel)
    assert only(story.tick(2.0), Cancel)


def test_every_outcome_extends_the_lease() -> None:
    story, dispatch = known_speed(2.0, batch_items=10)
    for position in range(9):
        assert none(story.tell(Tick(), ItemsDone(dispatch.batch, (position,)), after=59.0), Cancel)


def test_the_users_bound_is_for_one_item() -> None:
    story = Story()
    story.start(1, "a", item_timeout_seconds=5.0)
    assert none(story.tick(5.0), Cancel)
    assert only(story.tick(1.0), Cancel)


def test_the_users_bound_is_for_each_item_of_a_task_that_gives_results_at_the_end() -> None:
    story = Story()
    story.start(10, "a", batch_items=10, item_timeout_seconds=5.0)
    assert none(story.tick(49.0), Cancel)
    assert only(story.tick(2.0), Cancel)


def test_the_users_bound_holds_from_item_to_item_once_a_task_is_known_to_stream() -> None:
    cluster = Cluster(seconds=lambda index: 1.0)
    cluster.hanging["run"] = {15}
    cluster.size(1)
    cluster.open("run", 30, batch_items=10, item_timeout_seconds=3.0)
    cluster.settle(limit_seconds=100.0)
    (at, cancel), *_ = cluster.orders(Cancel)
    begun = next(at for at, d in cluster.orders(Dispatch) if d.batch == cancel.batch)
    assert at - begun < 5 * 1.0 + 3.0 + 1.0
    assert set(cluster.given_up["run"]) == {15}


def test_a_queued_batch_does_not_burn_its_lease() -> None:
    story = Story()
    (first,) = story.start(100, "a", batch_items=1)
    running, queued = [c for c in story.finish(first, 0.5) if isinstance(c, Dispatch)]
    cancels = [c for c in story.tick(61.0) if isinstance(c, Cancel)]
    assert [c.batch for c in cancels] == [running.batch]
    story.tell(BatchLost(running.batch, "deadline"))
    assert none(story.tick(59.0), Cancel)
    assert only(story.tick(2.0), Cancel).batch == queued.batch


def test_who_does_not_answer_a_cancel_is_killed_and_replaced() -> None:
    story = Story()
    story.tell(PoolSized("local", 1))
    story.start(1, "a")
    story.tick(1801.0)
    assert none(story.tick(9.0), Retire)
    commands = story.tick(2.0)
    assert only(commands, Retire).force
    assert only(commands, Provision).workers == 1
    story.tell(WorkerLeft("a", "retired"))
    (record,) = story.scheduler._state.runs["run"].suspects.records.values()
    assert record.history == ["attempt 1 on worker a: no progress, worker ended"]


def test_a_slow_item_is_given_more_time_at_each_attempt() -> None:
    cluster = Cluster(seconds=lambda index: 0.1)
    cluster.size(1)
    cluster.open("run", [1.0] * 100 + [2000.0])
    cluster.settle()
    assert not cluster.given_up["run"]
    cluster.check_books("run")


def test_an_item_that_hangs_is_given_up() -> None:
    cluster = Cluster()
    cluster.hanging["run"] = {7}
    cluster.size(2)
    cluster.open("run", 30, item_timeout_seconds=10.0)
    cluster.settle(limit_seconds=200.0)
    assert set(cluster.given_up["run"]) == {7}
    assert "no progress before its deadline" in cluster.given_up["run"][7].history[0]


def test_a_load_that_is_never_answered_costs_the_worker() -> None:
    story = Story()
    story.join("a")
    story.open(1)
    assert none(story.tick(3599.0), Retire)
    assert only(story.tick(2.0), Retire).force
