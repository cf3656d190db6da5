from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from pcm.errors import InputError
from pcm.tasks import Task, task


@task
def answer(llm: Any, questions: list[str], prompt: str = "Q:", *, limit: int = 3) -> Iterator[str]:
    for question in questions:
        yield f"{llm}{prompt}{question}{limit}"


def test_a_task_can_be_called_as_the_plain_function() -> None:
    assert list(answer("m", ["a", "b"])) == ["mQ:a3", "mQ:b3"]
    assert list(answer.bind(prompt="P:")("m", ["a"], limit=4)) == ["mP:a4"]


def test_options_are_kept_and_survive_binding() -> None:
    declared = task(retries=2, item_timeout=1.5)(answer.function)
    bound = declared.bind(limit=9)
    assert (bound.retries, bound.item_timeout_seconds, bound.name) == (2, 1.5, "answer")
    assert bound.arguments == {"limit": 9}
    assert declared.arguments == {}
    assert bound.bind(prompt="x").arguments == {"limit": 9, "prompt": "x"}


@pytest.mark.parametrize("name", ["promt", "llm", "questions"])
def test_binding_to_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name!r}; bind among prompt, limit"):
        answer.bind(**{name: 1})


def test_binding_is_open_where_the_function_is() -> None:
    @task
    def anything(llm: Any, items: list[Any], **options: Any) -> list[Any]:
        return [options for _ in items]

    first = anything.bind(a=1, b=2)
    second = anything.bind(b=2).bind(a=1)
    assert first(None, [0]) == [{"a": 1, "b": 2}]
    assert first.identity == second.identity


def one(items: Any) -> None: ...
def none(*items: Any) -> None: ...
def by_name(context: Any, *, items: Any) -> None: ...
async def asynchronous(context: Any, items: Any) -> None: ...
async def asynchronous_generator(context: Any, items: Any) -> Any:
    yield 1


@pytest.mark.parametrize("wrong", [one, none, by_name])
def test_a_task_takes_a_context_and_items(wrong: Any) -> None:
    with pytest.raises(InputError, match="does not take context and items") as caught:
        task(wrong)
    assert caught.value.line == wrong.__code__.co_firstlineno


@pytest.mark.parametrize("wrong", ["x", print, Task, asynchronous, asynchronous_generator])
def test_only_plain_functions_can_be_tasks(wrong: Any) -> None:
    with pytest.raises(InputError, match="decorate a function"):
        task(wrong)


@pytest.mark.parametrize(
    "options", [{"retries": -1}, {"retries": True}, {"item_timeout": 0}, {"item_timeout": "1"}]
)
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"give (retries|item_timeout) as"):
        task(**options)(answer.function)


def test_arguments_are_part_of_the_identity() -> None:
    assert answer.identity == answer.bind(prompt="Q:").identity
    changed = answer.bind(prompt="A:").identity
    assert changed.changes_since(answer.identity) == ["argument 'prompt' changed"]


def test_retries_are_not() -> None:
    assert task(retries=5)(answer.function).identity == answer.identity


def test_an_identity_needs_all_arguments() -> None:
    @task
    def needy(llm: Any, items: list[Any], prompt: str) -> list[Any]:
        return items

    assert needy.missing == ["prompt"]
    with pytest.raises(InputError, match=r"needs 'prompt'; fix it with needy.bind\(prompt="):
        _ = needy.identity
    assert needy.bind(prompt="x").missing == []


def plain(llm: Any, items: list[Any], extra: int = 0) -> list[Any]:
    return [extra, *items]


def test_a_pickled_task_is_its_function() -> None:
    restored = pickle.loads(pickle.dumps(task(plain).bind(extra=7)))
    assert not isinstance(restored, Task)
    assert restored(None, [1]) == [7, 1]
