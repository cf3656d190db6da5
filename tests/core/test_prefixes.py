"""Replicas that keep the state of tasks' prefixes, and who is given their workers."""

from __future__ import annotations

import itertools

import pytest

from pcm.core.commands import Command, Dispatch
from pcm.core.events import BatchDone, ItemsDone
from pcm.core.policy import Policy
from tests.core.story import Story, only

PREFIX_SECONDS = 5.0


class Shared(Story):
    """Workers that keep the prefixes of the tasks that they worked for last, as many as told."""

    def __init__(self, policy: Policy | None = None, *, workers: str = "a", room: int = 1) -> None:
        super().__init__(policy)
        self.room = room
        self.kept: dict[str, list[str]] = {worker: [] for worker in workers}
        self.join(*workers)
        self.sent: list[Dispatch] = []

    def begin(self, *runs: str, items: int = 400, **options: object) -> None:
        for run in runs:
            self.note(self.open(items, run, batch_items=1, **options))
        if not self.sent:
            self.note(self.warm(*self.kept))

    def note(self, commands: list[Command]) -> None:
        self.sent += [command for command in commands if isinstance(command, Dispatch)]

    def work(self, batches: int) -> str:
        """What the batches that were sent first were for, in short; each item takes a second."""
        done = []
        for _ in range(batches):
            dispatch = self.sent.pop(0)
            task = dispatch.run[0]
            kept = self.kept[dispatch.worker]
            seconds = 1.0 if task in kept else 1.0 + PREFIX_SECONDS
            kept[:] = [*(other for other in kept if other != task), task][-self.room :]
            self.now += seconds + 0.005
            told = ItemsDone(dispatch.batch, tuple(range(dispatch.item_count)))
            end = BatchDone(dispatch.batch, seconds, 0.0, tuple(kept))
            self.note(self.tell(told, end))
            done.append(task)
        return "".join(done)


def test_runs_take_long_turns_where_a_change_costs_a_prefix() -> None:
    story = Shared(Policy(prefetch_below_seconds=0.0, turn_loads=4.0))
    story.begin("x", "y")
    order = story.work(200)
    changes = sum(one != other for one, other in itertools.pairwise(order))
    assert 4 <= changes <= 30
    share = order.count("x") / len(order)
    assert 0.35 < share < 0.65


def test_without_the_policy_they_take_one_batch_each() -> None:
    story = Shared(Policy(prefetch_below_seconds=0.0, heed_prefixes=False))
    story.begin("x", "y")
    order = story.work(100)
    assert sum(one != other for one, other in itertools.pairwise(order)) > 90


def test_where_both_are_kept_nobody_waits() -> None:
    story = Shared(Policy(prefetch_below_seconds=0.0), room=2)
    story.begin("x", "y")
    order = story.work(200)
    tail = order[-60:]
    assert abs(tail.count("x") - tail.count("y")) <= 2


def test_workers_stay_with_the_run_whose_prefix_they_keep() -> None:
    story = Shared(Policy(prefetch_below_seconds=0.0), workers="ab")
    story.begin("x", "y")
    story.work(40)
    last = [(d.worker, d.run) for d in story.all(Dispatch)[-20:]]
    assert len(set(last)) == 2  # each worker has one run, and each run one worker
    assert {worker for worker, _ in last} == {"a", "b"}


def test_runs_of_one_task_share_what_is_kept() -> None:
    story = Shared(Policy(prefetch_below_seconds=0.0))
    story.begin("x-1", items=5, task="x")
    assert story.work(5) == "xxxxx"
    story.begin("x-2", items=2, task="x")
    assert story.work(1) == "x"
    assert story.all(Dispatch)[-1].predicted_seconds < 2.0


def test_a_prefix_that_is_not_there_is_part_of_the_prediction_and_of_the_score() -> None:
    story = Shared(Policy(prefetch_below_seconds=0.0), workers="abc")
    story.begin("x", items=40)
    story.work(4)
    assert {*story.kept["a"], *story.kept["b"], *story.kept["c"]} == {"x"}
    story.kept["a"].clear()
    dispatch = next(d for d in story.sent if d.worker == "a")
    story.sent.remove(dispatch)
    story.tell(ItemsDone(dispatch.batch, (0,)))
    commands = story.tell(BatchDone(dispatch.batch, 1.0, 0.0, ()))
    again = only(commands, Dispatch)
    assert again.worker == "a"
    assert again.predicted_seconds == pytest.approx(1.0 + PREFIX_SECONDS, rel=0.3)


def test_the_rate_is_told_apart_from_the_prefix() -> None:
    story = Shared(Policy(prefetch_below_seconds=0.0), workers="abcdefgh")
    story.begin("x", items=400)
    story.work(200)
    story.kept["a"].clear()
    story.work(40)
    assert all(d.predicted_seconds < 1.5 for d in story.all(Dispatch)[-8:])
