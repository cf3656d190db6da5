"""What is told of the tasks whose state a context keeps."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.workers.host.driver import Worker, define, load, run
from workers.host.keeping import TASKS_KEPT, Keeping
from workers.protocol import BatchEnd


class Some:
    """A context whose states a test sets."""

    def __init__(self) -> None:
        self.used: set[Hashable] = set()
        self.kept: set[Hashable] = set()

    def kept_states(self) -> tuple[set[Hashable], set[Hashable]]:
        used, self.used = self.used, set()
        return used, self.kept


@pytest.fixture
def some() -> Some:
    return Some()


def test_a_task_is_kept_while_all_that_it_used_is(some: Some) -> None:
    keeping = Keeping(some)
    assert keeping.after("a") is None
    some.used, some.kept = {1, 2}, {1, 2}
    assert keeping.after("a") == ("a",)
    assert keeping.after("a") is None
    some.used, some.kept = {3}, {1, 2, 3}
    assert keeping.after("b") == ("a", "b")
    some.kept = {1, 3}
    assert keeping.after("b") == ("b",)
    some.kept = set()
    assert keeping.after("b") == ()
    assert keeping.after("b") is None


def test_contexts_that_keep_nothing_say_nothing() -> None:
    assert Keeping(None).after("a") is None
    assert Keeping(object()).after("a") is None


def test_no_more_tasks_are_remembered_than_matter(some: Some) -> None:
    keeping = Keeping(some)
    for task in range(TASKS_KEPT + 10):
        some.used = {task}
        some.kept |= {task}
        told = keeping.after(str(task))
    assert told is not None
    assert len(told) == TASKS_KEPT


def keeper() -> Any:
    class Keeper:
        """Keeps what the latest batch used."""

        def __init__(self) -> None:
            self.latest: str = ""

        def kept_states(self) -> tuple[set[str], set[str]]:
            if self.latest == "raise":
                raise OSError("no states")
            return {self.latest}, {self.latest}

    return Keeper()


def use(context: Any, items: Sequence[str]) -> Iterator[str]:
    for context.latest in items:
        yield context.latest


def test_it_is_told_with_the_end_of_a_batch(tmp_path: Path) -> None:
    with Worker(tmp_path) as worker:
        worker.send(load(keeper), define(use, task="one"), define(use, task="two"))
        worker.send(run(1, ["x"], task="one"), run(2, ["x"], task="one"))
        worker.send(run(3, ["y"], task="two"), run(4, ["raise"], task="two"))
        worker.send(run(5, ["z"], task="two"))
        told = [worker.wait(BatchEnd, batch=batch, outcome="done").kept for batch in range(1, 6)]
    assert told == [("one",), None, ("two",), (), None]
