from __future__ import annotations

import pytest

from pcm.core.commands import Finish, Retire, Want
from pcm.core.events import (
    Capacity,
    PoolOffered,
    PoolState,
    ProvisionFailed,
    ReplicaChanged,
    Requirements,
)
from pcm.core.policy import Policy
from tests.core.story import Story, none, only

POOL = "glidein:a"
POLICY = Policy(wait_seconds=20.0, load_seconds=10.0, worker_start_seconds=5.0)


def offered(most: int = 10, *, least: int = 0, policy: Policy = POLICY, **offers: int) -> Story:
    story = Story(policy)
    story.tell(PoolOffered(POOL, most, Capacity(kind="a", pool=POOL, **offers), least))
    return story


def measured(items: int, seconds: float, *, most: int = 10) -> Story:
    """One worker of the pool is warm, and its speed known: so many seconds per item."""
    story = offered(most)
    story.open(items, batch_items=1)
    story.join("a-1", kind="a", pool=POOL)
    (first,) = [c for c in story.warm("a-1", after=10.0) if type(c).__name__ == "Dispatch"]
    story.finish(first, seconds)
    return story


def think(story: Story) -> None:
    """Long enough for what is too much to be taken back."""
    story.tick(6.0)
    story.tick(31.0)


def wanted(story: Story) -> int:
    return story.all(Want)[-1].workers


def test_nothing_is_wanted_without_work() -> None:
    assert none(offered().tick(10.0), Want)


def test_as_many_as_there_are_batches_before_any_speed_is_known() -> None:
    assert only(offered().open(3, batch_items=1), Want).workers == 3
    assert only(offered(2).open(100, batch_items=1), Want).workers == 2


def test_what_the_last_run_of_the_task_has_shown_is_expected_of_the_next() -> None:
    story = measured(1, 1.0)  # one item of a second, which was all
    story.open(6, run="next", batch_items=1)
    # Six seconds of work do not repay a cold start of 15 beside a worker that is warm.
    assert wanted(story) == 1
    story.leave("a-1")
    story.tick(6.0)
    assert wanted(story) == 1
    story.open(6, run="another", batch_items=1, task_name="another")
    story.tick(6.0)
    assert wanted(story) == 10


def test_the_least_is_wanted_always() -> None:
    story = offered(least=2)
    story.open(1, batch_items=1)
    assert wanted(story) == 2


def test_much_work_wants_all() -> None:
    story = measured(10_000, 1.0)
    think(story)
    assert wanted(story) == 10


def test_work_that_is_soon_done_wants_nobody_more() -> None:
    # 20 s of work: one that comes after 35 s would find nothing to do.
    story = measured(21, 1.0)
    think(story)
    assert wanted(story) == 1


def test_what_is_too_much_is_taken_back_only_after_a_while() -> None:
    story = measured(21, 1.0)
    assert none(story.tick(6.0), Want)
    assert none(story.tick(6.0), Want)
    assert only(story.tick(30.0), Want).workers == 1


def test_only_as_many_as_repay_their_cold_start() -> None:
    # 120 s of work for one. With four more, which come after 35 s, it takes 52 s: the last of
    # them works 17 s, for a cold start of 15. With five more it would work 14.
    story = measured(121, 1.0)
    think(story)
    assert wanted(story) == 5


def test_a_longer_queue_wants_fewer() -> None:
    story = measured(121, 1.0)
    story.tell(PoolState(POOL, 0, wait_seconds=1000.0))
    think(story)
    assert wanted(story) == 1


def test_files_that_take_long_to_come_count_as_cold_start() -> None:
    story = offered()
    story.open(121, batch_items=1)
    story.join("a-1", kind="a", pool=POOL)
    story.tell(ReplicaChanged("a-1", "model", "disk", "staging"))
    story.tell(ReplicaChanged("a-1", "model", "disk", "loading"), after=60.0)
    (first,) = [c for c in story.warm("a-1", after=10.0) if type(c).__name__ == "Dispatch"]
    story.finish(first, 1.0)
    think(story)
    assert wanted(story) == 1


def test_the_quicker_pool_is_asked_first() -> None:
    story = Story(POLICY)
    story.tell(
        PoolOffered(POOL, 40, Capacity(kind="a", pool=POOL)),
        PoolOffered("glidein:b", 40, Capacity(kind="b", pool="glidein:b")),
    )
    story.open(150, batch_items=1)
    story.join("a-1", kind="a", pool=POOL)
    story.join("b-1", kind="b", pool="glidein:b")
    story.warm("a-1", "b-1")
    first, second = [c for c in story.commands if type(c).__name__ == "Dispatch"][:2]
    slow, fast = (first, second) if first.worker == "a-1" else (second, first)
    story.finish(slow, 10.0)
    story.finish(fast, 1.0)
    think(story)
    last = {command.pool: command.workers for command in story.all(Want)}
    assert last["glidein:b"] > last[POOL]


def test_who_leaves_is_wanted_again_at_once() -> None:
    story = measured(10_000, 1.0, most=3)
    think(story)
    assert wanted(story) == 3
    story.leave("a-1", "evicted")
    story.tick(6.0)
    assert wanted(story) == 3


def test_somebody_is_wanted_even_if_it_does_not_pay() -> None:
    story = measured(3, 0.1)
    story.leave("a-1", "evicted")
    think(story)
    assert wanted(story) == 1


def test_what_no_pool_offers_fails_the_run_and_says_so() -> None:
    story = offered(gpus=1, gpu_memory_bytes=10 * 10**9)
    needs = Requirements(gpus=1, gpu_memory_bytes=40 * 10**9)
    finish = only(story.open(1, requirements=needs), Finish)
    assert "40.00 GB of GPU memory, but the best worker (glidein:a) has 10.00 GB" in finish.error


def test_nothing_fails_while_glideins_are_to_come() -> None:
    story = offered(gpus=1, gpu_memory_bytes=80 * 10**9)
    needs = Requirements(gpus=1, gpu_memory_bytes=40 * 10**9)
    story.join("small", kind="cpu")
    assert none(story.open(1, requirements=needs), Finish)
    story.tell(PoolState(POOL, 1))
    assert none(story.tick(1000.0), Finish)


def test_the_end_of_the_work_takes_back_all_that_have_not_come() -> None:
    story = offered()
    story.open(1, batch_items=1)
    story.join("a-1", kind="a", pool=POOL)
    (first,) = [c for c in story.warm("a-1") if type(c).__name__ == "Dispatch"]
    commands = story.finish(first)
    assert wanted(story) == 1, commands


def test_a_pool_that_can_have_nobody_fails_the_run_with_the_reason() -> None:
    story = offered()
    story.open(1)
    finish = only(story.tell(ProvisionFailed(POOL, 1, "no permission", permanent=True)), Finish)
    assert "glidein:a can have no workers: no permission" in finish.error


def test_a_refusal_leaves_those_alone_that_are_there() -> None:
    story = measured(100, 1.0)
    commands = story.tell(ProvisionFailed(POOL, 3, "over the quota", permanent=True))
    assert none(commands, Finish, Retire)


def test_a_pool_that_was_not_offered_has_no_state() -> None:
    with pytest.raises(ValueError, match="not offered"):
        Story().tell(PoolState("nowhere", 1))
