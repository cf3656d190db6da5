from __future__ import annotations

import pytest

from pcm.core.commands import Command, Dispatch, Finish, GiveUp
from pcm.core.events import ItemsAdded, LossCause, ReplicaFailed, RunCancelled
from tests.core.cluster import Cluster
from tests.core.story import Story, none, only


def dispatches(commands: list[Command]) -> list[Dispatch]:
    return [c for c in commands if isinstance(c, Dispatch)]


@pytest.mark.parametrize("cause", ["evicted", "cancelled", "refused"])
def test_honest_losses_are_charged_to_nobody(cause: LossCause) -> None:
    story = Story()
    (dispatch,) = story.start(4, "a", batch_items=4)
    for _ in range(5):
        commands = story.lose(dispatch, cause)
        if cause == "refused":
            commands += story.warm("a")
        (dispatch,) = dispatches(commands)
        assert dispatch.item_count == 4
    assert not story.all(GiveUp)


def test_a_batch_that_had_not_started_is_charged_with_nothing() -> None:
    story = Story()
    (first,) = story.start(100, "a", batch_items=4)
    running, queued = dispatches(story.finish(first, 0.1))
    story.lose(running, "evicted")
    commands = story.lose(queued, "replica_died", started=False)
    assert dispatches(commands)[-1].item_count == 4
    assert dispatches(commands)[-1].attempt == 1


def test_salvaged_items_are_not_computed_again_and_the_rest_goes_first() -> None:
    story = Story()
    (first,) = story.start(20, "a", batch_items=10)
    (second,) = dispatches(story.lose(first, "evicted", done=4))
    assert second.ranges == ((4, 10),)
    assert second.attempt == 2


def test_after_a_death_the_first_unfinished_item_is_tried_alone_and_the_others_in_halves() -> None:
    story = Story()
    (first,) = story.start(10, "a", batch_items=10)
    commands = story.lose(first, done=2)
    found = []
    while dispatches(commands):
        (dispatch,) = dispatches(commands)
        found.append(dispatch.ranges)
        commands = story.finish(dispatch, 5.0)
    assert found == [((2, 3),), ((3, 8),), ((8, 10),)]
    assert only(commands, Finish).outcome == "completed"


def test_a_killer_is_given_up_after_three_deaths_with_its_history() -> None:
    story = Story()
    story.join("a", "b", "c")
    story.open(10, batch_items=10)
    (dispatch,) = dispatches(story.warm("a", "b", "c"))
    workers = [dispatch.worker]
    commands = story.lose(dispatch, done=3)
    for _ in range(2):
        (dispatch,) = [d for d in dispatches(commands) if d.ranges == ((3, 4),)]
        for other in dispatches(commands):
            if other is not dispatch:
                story.finish(other)
        workers.append(dispatch.worker)
        if len(workers) < 3:
            commands = story.lose(dispatch)
    give_up = only(story.lose(dispatch), GiveUp)
    assert (give_up.item, give_up.kind) == (3, "quarantined")
    assert give_up.history == tuple(
        f"attempt {number} on worker {worker}: replica died"
        for number, worker in enumerate(workers, start=1)
    )
    assert len(set(workers)) == 3, "each trial was held on another worker"


def test_only_deaths_alone_condemn() -> None:
    """Two shared deaths and one alone are not enough: another of the batch may be the killer."""
    story = Story()
    (first,) = story.start(4, "a", batch_items=4)
    commands = story.lose(first)
    (trial,) = dispatches(commands)
    (shared,) = dispatches(story.finish(trial))
    assert shared.ranges == ((1, 3),)
    commands = story.lose(shared)
    for deaths_alone in range(2):
        assert none(commands, GiveUp), deaths_alone
        (trial,) = dispatches(commands)
        assert trial.ranges == ((1, 2),)
        commands = story.lose(trial)
    assert only(commands, GiveUp).item == 1


def test_a_trial_is_held_in_the_tail_too_on_a_worker_that_is_slow() -> None:
    """The fast one may not have it."""
    story = Story()
    for dispatch in story.start(2, "slow", "fast", batch_items=1, close=False):
        story.finish(dispatch, 10.0 if dispatch.worker == "slow" else 1.0)
    (at_fast,) = dispatches(story.tell(ItemsAdded("run", [1.0])))
    assert at_fast.worker == "fast"
    (trial,) = dispatches(story.lose(at_fast))
    assert (trial.worker, trial.ranges) == ("slow", at_fast.ranges)


def test_what_a_lost_worker_held_comes_back_in_its_order() -> None:
    story = Story()
    (first,) = story.start(100, "a", batch_items=4)
    dispatches(story.finish(first, 0.1))
    story.join("b")
    story.leave("a", "evicted")
    assert [d.ranges for d in dispatches(story.warm("b"))] == [((4, 8),), ((8, 12),)]


def test_a_trial_waits_for_a_worker_where_the_item_has_not_died() -> None:
    story = Story()
    first, busy = story.start(2, "a", "b", batch_items=1)
    assert not dispatches(story.lose(first))
    (trial,) = dispatches(story.finish(busy, 1.0))
    assert (trial.worker, trial.ranges) == ("b", first.ranges)


def test_a_replica_that_died_is_first_given_items_above_suspicion() -> None:
    """What kills may be the worker: it must prove itself before a trial means anything."""
    story = Story()
    (first,) = story.start(20, "a", batch_items=5)
    story.tell(died("a"))
    story.lose(first)
    (fresh,) = dispatches(story.warm("a"))
    assert fresh.ranges == ((5, 10),)
    (trial, *_) = dispatches(story.finish(fresh, 5.0))
    assert trial.ranges == ((0, 1),)


def died(worker: str) -> ReplicaFailed:
    return ReplicaFailed(worker, "model", "died", "killed by signal 9")


def test_who_goes_without_a_word_leaves_a_suspicion_on_what_was_running_only() -> None:
    story = Story()
    (first,) = story.start(100, "a", batch_items=4)
    running, queued = dispatches(story.finish(first, 0.1))
    story.join("b")
    story.leave("a", "lost")
    trial, *_ = dispatches(story.warm("b"))
    assert trial.ranges == ((4, 5),)
    records = story.scheduler._state.runs["run"].suspects.records
    assert set(records) == set(range(4, 8))
    assert queued.ranges == ((8, 12),)
    assert running.ranges == ((4, 8),)


@pytest.mark.parametrize("cause", ["evicted", "retired", "refused"])
def test_who_leaves_in_good_order_leaves_no_suspicion(cause: str) -> None:
    story = Story()
    story.start(4, "a", batch_items=4)
    story.leave("a", cause)
    assert not story.scheduler._state.runs["run"].suspects.records


def test_in_a_list_task_the_killer_is_found_among_the_others() -> None:
    cluster = Cluster(stream=False)
    cluster.poison["run"] = {37}
    cluster.size(2)
    cluster.open("run", 64, batch_items=32)
    cluster.settle()
    assert set(cluster.given_up["run"]) == {37}
    assert cluster.deaths["run", 37] <= 4
    cluster.check_books("run")


def test_a_quarantine_says_nothing_against_the_workers() -> None:
    cluster = Cluster()
    cluster.poison["run"] = {10, 11, 12}
    cluster.size(1)
    cluster.open("run", 40)
    cluster.settle(limit_seconds=50.0)
    assert set(cluster.given_up["run"]) == {10, 11, 12}


def test_an_item_of_a_cancelled_run_is_not_given_up() -> None:
    story = Story()
    (dispatch,) = story.start(1, "a")
    story.tell(RunCancelled("run"))
    commands = story.lose(dispatch)
    assert none(commands, GiveUp)
    assert only(commands, Finish).outcome == "cancelled"


def one_item_among_twelve() -> tuple[Story, list[str], Dispatch]:
    """A run of one item and the workers, of which one was sent it."""
    story = Story()
    workers = [f"w{n}" for n in range(12)]
    story.join(*workers)
    story.open(1)
    (dispatch,) = dispatches(story.warm(*workers))
    return story, workers, dispatch


def lost_alone(story: Story, dispatch: Dispatch, after: float) -> list[Command]:
    """Its worker is lost without a word, while it has run for so long."""
    story.now += after
    return story.leave(dispatch.worker, "lost")


def test_an_item_on_workers_that_are_taken_in_a_wave_is_no_killer() -> None:
    story, workers, dispatch = one_item_among_twelve()
    for _ in range(4):
        story.leave(next(w for w in workers if w != dispatch.worker), "lost")
        workers = [w for w in story.scheduler._state.workers if w != dispatch.worker]
        (dispatch,) = dispatches(lost_alone(story, dispatch, 0.5))
    assert not story.all(GiveUp)


def test_the_same_deaths_where_nobody_else_goes_condemn() -> None:
    story, _, dispatch = one_item_among_twelve()
    for _ in range(2):
        (dispatch,) = dispatches(lost_alone(story, dispatch, 0.5))
    assert only(lost_alone(story, dispatch, 0.5), GiveUp).kind == "quarantined"


def test_a_long_item_is_tried_as_often_as_losses_explain_its_deaths() -> None:
    """It takes as long as workers last."""
    story = Story()
    story.open(1)
    deaths = 0
    while not story.all(GiveUp) and deaths < 12:
        story.join(f"w{deaths}")
        (dispatch,) = dispatches(story.warm(f"w{deaths}"))
        lost_alone(story, dispatch, 3600.0)
        deaths += 1
    assert deaths > 6


def test_killers_among_many_do_not_explain_each_other() -> None:
    """Trials that end workers are no wave."""
    cluster = Cluster(seconds=lambda index: 0.1)
    cluster.poison["run"] = {7, 70, 300}
    cluster.size(8)
    cluster.open("run", 400)
    cluster.settle()
    assert set(cluster.given_up["run"]) == {7, 70, 300}
