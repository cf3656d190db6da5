from __future__ import annotations

from pcm.core.commands import Dispatch, Finish, Provision, Retire
from pcm.core.events import (
    PoolSized,
    ProvisionFailed,
    Requirements,
    WorkerCondemned,
    WorkerLeft,
    WorkerNotice,
)
from tests.core.cluster import Cluster
from tests.core.story import Story, none, only


def pool_of(workers: int, *joined: str) -> Story:
    story = Story()
    story.tell(PoolSized("local", workers))
    story.join(*joined)
    return story


def test_a_pool_is_filled_once() -> None:
    story = Story()
    assert only(story.tell(PoolSized("local", 3)), Provision).workers == 3
    assert none(story.join("a", "b", "c"), Provision)
    assert only(story.tell(PoolSized("local", 5)), Provision).workers == 2


def test_who_is_too_many_goes_idle_and_cold_first() -> None:
    story = pool_of(3, "busy", "warm", "cold")
    story.open(1)
    story.warm("busy")
    assert story.all(Dispatch)[-1].worker == "busy"
    story.open(1, run="other", context="second")
    story.warm("warm", context="third")
    retired = [c for c in story.tell(PoolSized("local", 1)) if isinstance(c, Retire)]
    assert {c.worker for c in retired} == {"warm", "cold"}
    assert not any(c.force for c in retired)


def test_nothing_is_sent_to_a_worker_that_is_told_to_go() -> None:
    story = pool_of(2, "a", "b")
    story.tell(PoolSized("local", 1))
    assert none([c for c in story.open(10) if getattr(c, "worker", "") == "b"], Dispatch)
    assert none(story.tell(WorkerLeft("b", "retired")), Provision)


def test_a_worker_that_left_is_replaced() -> None:
    story = pool_of(1, "a")
    story.now = 100.0
    commands = story.leave("a", "evicted")
    assert only(commands, Provision).after_seconds == 0.0


def test_a_notice_brings_the_replacement_before_the_worker_is_gone() -> None:
    story = pool_of(1)
    (first,) = story.start(10, "a", batch_items=5)
    commands = story.tell(WorkerNotice("a", 10.0))
    assert only(commands, Provision).workers == 1
    assert none(story.finish(first, 1.0), Dispatch)
    assert none(story.leave("a", "evicted"), Provision)


def test_starts_that_fail_are_spaced_out_and_fail_the_runs_after_five() -> None:
    story = pool_of(1)
    story.open(1)
    waits = []
    for number in range(4):
        commands = story.join(f"w{number}")
        commands = story.tell(WorkerLeft(f"w{number}", "refused", "wrong protocol"), after=1.0)
        waits.append(only(commands, Provision).after_seconds)
        assert none(commands, Finish)
    assert waits == [1.0, 2.0, 4.0, 8.0]
    story.join("w4")
    finish = only(story.tell(WorkerLeft("w4", "refused", "wrong protocol")), Finish)
    assert finish.outcome == "failed"
    assert "5 failed starts in a row" in finish.error
    assert "wrong protocol" in finish.error


def test_workers_that_are_taken_back_at_once_are_spaced_out_and_fail_nothing() -> None:
    story = pool_of(1)
    story.open(1)
    waits = []
    for number in range(8):
        story.join(f"w{number}")
        commands = story.tell(WorkerLeft(f"w{number}", "evicted"), after=1.0)
        waits.append(only(commands, Provision).after_seconds)
        assert none(commands, Finish)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]


def test_workers_that_cannot_be_had_fail_the_runs_with_the_reason() -> None:
    cluster = Cluster()
    cluster.starts_fail = True
    cluster.size(2)
    cluster.open("run", 10)
    cluster.settle(limit_seconds=600.0)
    assert "no such machine" in cluster.ended["run"].error
    assert len(cluster.orders(Provision)) < 10


def test_a_new_run_has_new_attempts() -> None:
    cluster = Cluster()
    cluster.starts_fail = True
    cluster.size(1)
    cluster.open("run", 10)
    cluster.settle(limit_seconds=600.0)
    cluster.starts_fail = False
    cluster.open("again", 10)
    cluster.settle(limit_seconds=600.0)
    assert cluster.ended["again"].outcome == "completed"


def test_a_worker_that_finished_something_before_it_left_is_no_failed_start() -> None:
    story = pool_of(1)
    for number in range(8):
        worker = f"w{number}"
        story.join(worker)
        if number == 0:
            story.open(100, batch_items=1)
        commands = story.warm(worker)
        story.finish(only(commands, Dispatch), 1.5)
        commands = story.leave(worker, "lost")
        assert only(commands, Provision).after_seconds == 0.0


def test_as_long_as_somebody_works_failed_starts_do_not_fail_runs() -> None:
    story = pool_of(2, "a")
    story.open(1)
    story.warm("a")
    for _ in range(8):
        assert none(story.tell(ProvisionFailed("local", 1, "quota"), after=20.0), Finish)
    assert story.all(Provision)[-1].after_seconds == 60.0


def test_of_a_crowd_some_may_be_taken_before_anybody_has_finished_anything() -> None:
    story = Story()
    story.open(1000)
    story.join(*[f"w{n}" for n in range(100)])
    for n in range(40):
        story.tell(WorkerLeft(f"w{n}", "lost"), after=0.01)
    assert not story.all(Finish)
    for n in range(40, 70):
        story.tell(WorkerLeft(f"w{n}", "lost"), after=0.01)
    assert "do not come up" in only(story.commands, Finish).error


def test_a_pool_that_cannot_have_more_workers_is_complete_without_them() -> None:
    story = pool_of(3, "a")
    cannot = ProvisionFailed("local", 2, "one GPU", permanent=True)
    assert none(story.tell(cannot), Provision)
    failed = only(story.open(1, requirements=Requirements(gpus=1)), Finish)
    assert "no worker can hold context" in failed.error
    assert only(story.leave("a"), Provision).workers == 1
    assert only(story.tell(PoolSized("local", 3)), Provision).workers == 2


def test_runs_fail_at_once_where_the_pool_can_have_no_worker_at_all() -> None:
    story = pool_of(2)
    cannot = ProvisionFailed("local", 2, "no machine", permanent=True)
    story.open(1)
    assert "can have no workers: no machine" in only(story.tell(cannot), Finish).error
    assert only(story.open(1, run="next"), Provision).workers == 2
    assert "no machine" in only(story.tell(cannot), Finish).error


def test_a_condemned_worker_goes_and_is_replaced() -> None:
    story = pool_of(2, "a", "b")
    answer = story.tell(WorkerCondemned("a", "its cores are taken"))
    assert only(answer, Retire).reason == "its cores are taken"
    assert only(answer, Provision).workers == 1
    assert none(story.tell(WorkerCondemned("a", "again")), Retire, Provision)


def test_the_last_of_its_kind_is_kept() -> None:
    story = Story()
    story.join("a", kind="big")
    story.join("b", kind="small")
    assert none(story.tell(WorkerCondemned("a", "its cores are taken")), Retire)
