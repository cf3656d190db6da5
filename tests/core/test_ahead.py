from __future__ import annotations

from pcm.core.commands import Command, Dispatch, Evict, Load
from pcm.core.events import ReplicaChanged, ReplicaFailed, Requirements, RunCancelled
from pcm.core.policy import Policy
from tests.core.story import Story, none, only

GB = 10**9
NEEDS = Requirements(gpu_memory_bytes=16 * GB)
STAGING_SECONDS = 30.0


def ahead(commands: list[Command]) -> list[tuple[str, str]]:
    """Which worker is brought which context's files."""
    return [(c.worker, c.context) for c in commands if isinstance(c, Load) and c.tier == "disk"]


def load(story: Story, worker: str, context: str) -> list[Command]:
    """As it is ordered: its files first."""
    story.tell(ReplicaChanged(worker, context, "gpu", "staging"))
    story.tell(ReplicaChanged(worker, context, "gpu", "loading"), after=STAGING_SECONDS)
    return story.tell(ReplicaChanged(worker, context, "gpu", "warm", 5.0, 16 * GB), after=5.0)


def two_runs(policy: Policy | None = None) -> tuple[Story, Dispatch]:
    """A worker that computes with the first of two contexts, of which it holds one: 60 items of
    10 s each. The other was just asked for."""
    story = Story(policy)
    story.join("a", gpus=1, gpu_memory_bytes=24 * GB)
    story.open(60, "one", context="first", requirements=NEEDS, batch_items=1)
    dispatch = only(load(story, "a", "first"), Dispatch)
    story.open(60, "two", context="second", requirements=NEEDS, batch_items=1)
    return story, dispatch


def go_on(story: Story, dispatch: Dispatch) -> tuple[list[Command], Dispatch | None]:
    commands = story.finish(dispatch, 10.0)
    return commands, next((c for c in commands if isinstance(c, Dispatch)), None)


def until_ahead(story: Story, dispatch: Dispatch) -> Dispatch:
    """Batches are finished until files are ordered ahead."""
    following: Dispatch | None = dispatch
    while following is not None:
        commands, following = go_on(story, following)
        if ahead(commands):
            assert ahead(commands) == [("a", "second")]
            assert none(commands, Evict)
            assert following is not None, "it computes meanwhile"
            return following
    raise AssertionError("nothing was ordered ahead")


def test_files_come_while_the_worker_computes_and_are_loaded_when_it_changes_over() -> None:
    story, dispatch = two_runs(Policy(turn_seconds=200.0, turn_loads=0.0))
    following: Dispatch | None = until_ahead(story, dispatch)
    assert 200.0 - STAGING_SECONDS <= story.now <= 210.0 + STAGING_SECONDS
    story.tell(ReplicaChanged("a", "second", "disk", "warm"))
    commands: list[Command] = []
    while following is not None:
        commands, following = go_on(story, following)
        assert not ahead(commands), "once is enough"
    assert only(commands, Evict).context == "first"
    gone = story.tell(ReplicaChanged("a", "first", "absent", "draining"))
    assert only(gone, Load).tier == "gpu"


def test_files_come_before_the_work_of_the_present_context_ends() -> None:
    story, dispatch = two_runs(Policy(turn_seconds=1e6))
    until_ahead(story, dispatch)
    left = story.scheduler.progress("one")
    assert left.items - left.finished <= 1 + (STAGING_SECONDS + 10.0) / 10.0


def test_nothing_comes_ahead_without_the_policy_or_where_it_takes_no_time() -> None:
    for policy in (Policy(stage_ahead=False), Policy(ahead_seconds=STAGING_SECONDS + 1.0)):
        story, dispatch = two_runs(policy)
        following: Dispatch | None = dispatch
        while following is not None:
            commands, following = go_on(story, following)
            assert not ahead(commands)


def test_files_that_nobody_needs_any_more_are_let_go() -> None:
    story, dispatch = two_runs(Policy(turn_seconds=200.0, turn_loads=0.0))
    following = until_ahead(story, dispatch)
    commands = story.tell(RunCancelled("two"))
    commands += story.finish(following, 10.0)
    commands += story.finish(story.all(Dispatch)[-1], 10.0)
    assert only(commands, Evict).context == "second"
    assert "second" not in story.scheduler._state.contexts


def test_a_worker_that_goes_leaves_nothing_behind() -> None:
    story, dispatch = two_runs(Policy(turn_seconds=200.0, turn_loads=0.0))
    until_ahead(story, dispatch)
    story.leave("a")
    assert not story.scheduler._state.ahead


def test_files_that_arrive_when_their_load_was_just_ordered_are_no_loaded_context() -> None:
    story, dispatch = two_runs(Policy(turn_seconds=200.0, turn_loads=0.0))
    following: Dispatch | None = until_ahead(story, dispatch)
    while following is not None:
        _, following = go_on(story, following)
    story.tell(ReplicaChanged("a", "first", "absent", "draining"))
    assert none(story.tell(ReplicaChanged("a", "second", "disk", "warm")), Dispatch)
    assert only(load(story, "a", "second"), Dispatch).context == "second"


def test_files_that_did_not_come_are_not_ordered_again_and_again() -> None:
    story, dispatch = two_runs(Policy(turn_seconds=200.0, turn_loads=0.0))
    following: Dispatch | None = until_ahead(story, dispatch)
    story.tell(ReplicaFailed("a", "second", "loader_error", "no room"))
    story.tell(ReplicaChanged("a", "second", "absent", "draining"))
    commands: list[Command] = []
    while following is not None:
        commands, following = go_on(story, following)
        assert not ahead(commands)
    assert only(commands, Evict).context == "first"
