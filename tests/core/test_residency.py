from __future__ import annotations

from pcm.core.commands import Dispatch, Evict, Finish, Load
from pcm.core.events import ItemsAdded, ReplicaChanged, Requirements
from tests.core.story import Story, none, only

GB = 10**9


def test_every_free_worker_loads_what_much_work_waits_for() -> None:
    story = Story()
    story.join("a", "b", "c")
    commands = story.open(100)
    assert sorted(c.worker for c in commands if isinstance(c, Load)) == ["a", "b", "c"]


def test_no_more_workers_load_than_there_are_items() -> None:
    story = Story()
    story.join("a", "b", "c")
    assert only(story.open(1), Load).worker == "a"


def test_a_worker_that_joins_late_loads_if_it_pays() -> None:
    story = Story()
    (first,) = story.start(1000, "a", batch_items=1)
    story.finish(first, 1.0)
    assert only(story.join("b"), Load).context == "model"


def test_a_worker_that_joins_late_waits_if_a_load_does_not_pay() -> None:
    """The warm worker will be done before the cold one has loaded."""
    story = Story()
    story.join("a")
    story.open(5, batch_items=1)
    (first,) = [c for c in story.warm("a", after=100.0) if isinstance(c, Dispatch)]
    story.finish(first, 1.0)
    assert none(story.join("b"), Load)


def test_it_does_not_wait_for_ever_for_those_who_are_late() -> None:
    """The rest seemed to be the work of a moment, but then an item took very long."""
    story = Story()
    story.join("a")
    story.open(5, batch_items=1)
    (first,) = [c for c in story.warm("a", after=20.0) if isinstance(c, Dispatch)]
    story.finish(first, 1.0)
    assert none(story.join("b"), Load)
    begun = story.now
    while not (loads := [c for c in story.tick_when_due() if isinstance(c, Load)]):
        assert story.now < begun + 100.0
    assert loads[0].worker == "b"
    assert 16.0 < story.now - begun < 24.0
    assert "all who have it are" in loads[0].reason


def test_a_context_that_no_run_needs_is_given_up_when_memory_is_short() -> None:
    story = Story()
    needs = Requirements(gpu_memory_bytes=5 * GB)
    story.join("a", gpus=1, gpu_memory_bytes=8 * GB)
    story.open(1, "one", context="first", requirements=needs)
    (dispatch,) = [c for c in story.warm("a", context="first") if isinstance(c, Dispatch)]
    assert only(story.finish(dispatch), Finish).run == "one"

    commands = story.open(1, "two", context="second", requirements=needs)
    assert only(commands, Evict).context == "first"
    assert none(commands, Load)
    gone = story.tell(ReplicaChanged("a", "first", "absent", "draining"))
    assert only(gone, Load).context == "second"


def test_two_contexts_stay_side_by_side_where_they_fit() -> None:
    story = Story()
    needs = Requirements(gpu_memory_bytes=3 * GB)
    story.join("a", gpus=1, gpu_memory_bytes=8 * GB)
    story.open(1, "one", context="first", requirements=needs)
    (dispatch,) = [c for c in story.warm("a", context="first") if isinstance(c, Dispatch)]
    commands = story.open(1, "two", context="second", requirements=needs)
    assert only(commands, Load).context == "second"
    assert none(commands, Evict)
    story.finish(dispatch)
    assert only(story.warm("a", context="second"), Dispatch).context == "second"


def test_what_a_replica_really_takes_counts_and_not_what_was_declared() -> None:
    story = Story()
    needs = Requirements(gpu_memory_bytes=3 * GB)
    story.join("a", gpus=1, gpu_memory_bytes=8 * GB)
    story.open(1, "one", context="first", requirements=needs)
    commands = story.warm("a", context="first", memory_bytes=6 * GB)
    story.finish(only(commands, Dispatch))
    assert only(story.open(1, "two", context="second", requirements=needs), Evict)


def test_a_context_is_never_given_up_while_it_computes() -> None:
    story = Story()
    needs = Requirements(gpu_memory_bytes=5 * GB)
    story.join("a", gpus=1, gpu_memory_bytes=8 * GB)
    story.open(1, "one", context="first", requirements=needs)
    (dispatch,) = [c for c in story.warm("a", context="first") if isinstance(c, Dispatch)]
    assert none(story.open(1, "two", context="second", requirements=needs), Evict, Load)
    assert only(story.finish(dispatch), Evict).context == "first"


def test_a_second_run_gets_its_share_of_the_workers() -> None:
    story = Story()
    needs = Requirements(gpu_memory_bytes=5 * GB)
    workers = ["a", "b", "c", "d"]
    story.join(*workers, gpus=1, gpu_memory_bytes=8 * GB)
    story.open(1000, "one", context="first", requirements=needs, batch_items=1)
    flying = {}
    for command in story.warm(*workers, context="first"):
        if isinstance(command, Dispatch):
            flying[command.worker] = command
    story.open(1000, "two", context="second", requirements=needs, batch_items=1)
    evicted = []
    for dispatch in flying.values():
        commands = story.finish(dispatch, 5.0)
        for evict in [c for c in commands if isinstance(c, Evict)]:
            evicted.append(evict.worker)
            story.tell(ReplicaChanged(evict.worker, "first", "absent", "draining"))
            story.warm(evict.worker, context="second")
    assert len(evicted) == 2


def test_more_contexts_than_workers_take_turns() -> None:
    story = Story()
    needs = Requirements(gpu_memory_bytes=5 * GB)
    story.join("a", gpus=1, gpu_memory_bytes=8 * GB)
    story.open(1000, "one", context="first", requirements=needs, batch_items=1)
    dispatch = only(story.warm("a", context="first"), Dispatch)
    story.open(1000, "two", context="second", requirements=needs, batch_items=1)
    contexts, began, turns = ["first"], story.now, []
    while len(contexts) < 4:
        commands = story.finish(dispatch, 5.0)
        evict = next((c for c in commands if isinstance(c, Evict)), None)
        if evict is not None:
            turns.append(story.now - began)
            story.tell(ReplicaChanged("a", evict.context, "absent", "draining"))
            contexts.append(story.all(Load)[-1].context)
            began = story.now
            commands = story.warm("a", context=contexts[-1])
        dispatch = only(commands, Dispatch)
    assert contexts == ["first", "second", "first", "second"]
    assert min(turns) >= 60.0


def test_a_run_that_can_be_placed_nowhere_fails_with_the_numbers() -> None:
    story = Story()
    story.join("small", gpus=1, gpu_memory_bytes=4 * GB, kind="GTX")
    story.join("large", gpus=1, gpu_memory_bytes=8 * GB, kind="RTX")
    needs = Requirements(gpu_memory_bytes=24 * GB)
    finish = only(story.open(1, requirements=needs, context_name="llama"), Finish)
    assert finish.outcome == "failed"
    assert finish.error == (
        "no worker can hold context llama: it needs 24.00 GB of GPU memory, "
        "but the best worker (large) has 8.00 GB"
    )


def test_gpu_memory_is_no_obstacle_on_a_worker_without_a_gpu() -> None:
    story = Story()
    story.join("laptop", memory_bytes=4 * GB)
    assert only(story.open(1, requirements=Requirements(gpu_memory_bytes=5 * GB)), Load)


def test_a_context_that_must_have_a_gpu_says_so() -> None:
    story = Story()
    story.join("laptop", memory_bytes=4 * GB)
    finish = only(story.open(1, requirements=Requirements(gpus=1)), Finish)
    assert finish.error.endswith("it needs 1 GPUs, but the best worker (laptop) has 0")


def test_a_context_that_must_have_several_says_how_workers_get_them() -> None:
    story = Story()
    story.join("node", gpus=1)
    finish = only(story.open(1, requirements=Requirements(gpus=2)), Finish)
    assert finish.error.endswith("(node) has 1 (with gpus_per_worker each has several)")


def test_an_open_run_loads_again_for_what_comes_later() -> None:
    story = Story()
    (first,) = story.start(1, "a", close=False)
    story.finish(first)
    assert only(story.tell(ItemsAdded("run", [1.0])), Dispatch).worker == "a"
