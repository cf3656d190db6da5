from __future__ import annotations

from pcm.core.commands import Dispatch, Finish, Load
from pcm.core.events import PoolSized, ReplicaFailed, RunCancelled
from tests.core.cluster import Cluster
from tests.core.story import CONTEXT, Story, none, only

ERROR = "FileNotFoundError: no such model"


def failed(worker: str, kind: str = "loader_error") -> ReplicaFailed:
    return ReplicaFailed(worker, CONTEXT, kind, ERROR)  # type: ignore[arg-type]


def test_a_loader_that_fails_on_the_only_worker_fails_the_run_with_its_error() -> None:
    story = Story()
    story.join("a")
    story.open(1, context_name="llama")
    finish = only(story.tell(failed("a")), Finish)
    assert finish.outcome == "failed"
    assert finish.error == f"context llama could not be loaded on worker a: {ERROR}"


def test_a_loader_that_fails_is_tried_on_one_other_worker() -> None:
    story = Story()
    story.join("a", "b", "c")
    assert only(story.open(1), Load).worker == "a"
    assert only(story.tell(failed("a")), Load).worker == "b"
    commands = story.tell(failed("b"))
    assert only(commands, Finish).outcome == "failed"
    assert none(commands, Load)


def test_while_workers_are_to_come_a_failed_loader_waits_for_them() -> None:
    story = Story()
    story.tell(PoolSized("local", 2))
    story.join("a")
    story.open(1)
    assert none(story.tell(failed("a")), Finish, Load)
    assert only(story.join("b"), Load).worker == "b"


def test_a_loader_killed_while_loading_counts_as_failed() -> None:
    story = Story()
    story.join("a")
    story.open(1)
    assert "could not be loaded" in only(story.tell(failed("a", "died")), Finish).error


def test_where_a_context_loads_elsewhere_the_worker_is_left_out_for_longer_and_longer() -> None:
    story = Story()
    story.join("a", "b")
    story.open(1000, batch_items=1)
    (dispatch,) = [c for c in story.warm("a") if isinstance(c, Dispatch)]
    assert none(story.tell(failed("b")), Load, Finish)
    assert story.scheduler.next_deadline() == story.now + 60.0
    assert none(story.tick(59.0), Load)
    assert only(story.tick(2.0), Load).worker == "b"
    story.tell(failed("b"))
    assert none(story.tick(119.0), Load)
    assert only(story.tick(2.0), Load).worker == "b"
    assert story.scheduler.lease(dispatch.batch) is not None


def test_a_dead_replica_is_loaded_again_at_once_but_not_for_ever() -> None:
    cluster = Cluster()
    cluster.poison["run"] = set(range(50))
    cluster.size(1)
    cluster.open("run", 50)
    cluster.settle(limit_seconds=60.0)
    assert cluster.ended["run"].outcome == "failed"
    assert "died 3 times without finishing an item" in cluster.ended["run"].error
    assert len(cluster.orders(Load)) == 3


def test_a_broken_worker_among_good_ones_does_not_condemn_items() -> None:
    cluster = Cluster()

    def break_first() -> None:
        """The first worker's replica dies whenever it has begun something."""
        machine = cluster.machines.get("local-0")
        if machine is not None and machine.jobs["model"]:
            cluster.kill_replica("local-0", "model")
        cluster.after(0.03, break_first)

    cluster.size(3)
    cluster.open("run", 400)
    cluster.after(0.0, break_first)
    cluster.settle(limit_seconds=500.0)
    assert cluster.ended["run"].outcome == "completed"
    assert not cluster.given_up["run"]


def test_after_a_success_deaths_are_counted_anew() -> None:
    story = Story()
    (dispatch,) = story.start(100, "a", batch_items=10)
    for _ in range(6):
        story.tell(failed("a", "died"))
        commands = story.lose(dispatch, done=1)
        assert only(commands, Load)
        (dispatch,) = [c for c in story.warm("a") if isinstance(c, Dispatch)]


def test_a_replica_that_we_ended_ourselves_is_not_blamed() -> None:
    story = Story()
    for number in range(5):
        run = f"run-{number}"
        story.open(10, run=run)
        commands = story.join("a") if number == 0 else []
        commands += story.warm("a")
        story.tell(RunCancelled(run))
        story.tell(failed("a", "died"))
        story.lose(story.all(Dispatch)[-1], "cancelled")
    assert not story.scheduler._state.workers["a"].deaths
    assert [finish.outcome for finish in story.all(Finish)] == ["cancelled"] * 5


def test_a_new_run_may_try_a_context_again_that_had_failed() -> None:
    story = Story()
    story.join("a")
    story.open(1)
    story.tell(failed("a"))
    assert only(story.open(1, run="again"), Load).worker == "a"


def test_a_refused_batch_shows_that_the_replica_is_gone() -> None:
    story = Story()
    (dispatch,) = story.start(1, "a")
    assert only(story.lose(dispatch, "refused"), Load).worker == "a"
    assert only(story.warm("a"), Dispatch).attempt == 1
