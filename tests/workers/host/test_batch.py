"""How a task's results, errors and miscounts become outcomes of single items."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.host.batch import BatchRun, ReplicaBroken
from workers.protocol import ErrorReport, ItemResult

Outcomes = dict[int, Any]


def outcomes(task: Callable[..., Any], items: Sequence[Any], **arguments: Any) -> Outcomes:
    """Value or ErrorReport by position; each exactly once, and the last one known as the last."""
    found: Outcomes = {}
    flags: list[bool] = []

    def emit(result: ItemResult, more: bool) -> None:
        assert result.position not in found
        value = None if result.value is None else msgspec.msgpack.decode(result.value)
        found[result.position] = value if result.error is None else result.error
        flags.append(more)

    encoded = [msgspec.msgpack.encode(item) for item in items]
    BatchRun(task, "context", arguments, encoded, emit).run()
    assert sorted(found) == list(range(len(items)))
    assert not flags or flags[-1]
    return found


def failed(found: Outcomes) -> dict[int, str]:
    return {n: str(value) for n, value in found.items() if isinstance(value, ErrorReport)}


def values(found: Outcomes) -> dict[int, Any]:
    return {n: value for n, value in found.items() if not isinstance(value, ErrorReport)}


def double(_: Any, items: list[int]) -> list[int]:
    return [2 * item for item in items]


def double_each(_: Any, items: list[int]) -> Iterator[int]:
    for item in items:
        yield 2 * item


@pytest.mark.parametrize(
    "task",
    [
        double,
        double_each,
        lambda _, items: tuple(2 * item for item in items),
        lambda _, items: np.array(items) * 2,
        lambda _, items: map((2).__mul__, items),
        lambda _, items: {item: 2 * item for item in items}.values(),
    ],
    ids=["list", "generator", "tuple", "array", "map", "values"],
)
def test_every_shape_of_results(task: Callable[..., Any]) -> None:
    assert outcomes(task, [1, 2, 3]) == {0: 2, 1: 4, 2: 6}


def test_arguments_and_context_reach_the_task() -> None:
    found = outcomes(
        lambda context, items, mark: [f"{context}{mark}" for _ in items], [1], mark="!"
    )
    assert found == {0: "context!"}


def test_no_items_is_no_call() -> None:
    assert outcomes(lambda _, items: pytest.fail("called"), []) == {}


def choke(bad: set[int], item: int) -> int:
    if item in bad:
        raise ValueError(f"choked on {item}")
    return item


@pytest.mark.parametrize("bad", [{0}, {3}, {7}, {0, 7}, {2, 3, 4}, set(range(8))])
@pytest.mark.parametrize("kind", ["list", "lazy", "eager"])
def test_only_the_items_that_raise_fail(kind: str, bad: set[int]) -> None:
    calls = 0

    def in_list(_: Any, items: list[int]) -> list[int]:
        nonlocal calls
        calls += 1
        return [choke(bad, item) for item in items]

    def lazy(_: Any, items: list[int]) -> Iterator[int]:
        nonlocal calls
        calls += 1
        for item in items:
            yield choke(bad, item)

    def eager(_: Any, items: list[int]) -> Iterator[int]:
        """Prepares all before it yields the first, as most tasks with a tokenizer do."""
        nonlocal calls
        calls += 1
        yield from [choke(bad, item) for item in items]

    task = {"list": in_list, "lazy": lazy, "eager": eager}[kind]
    found = outcomes(task, range(8))
    assert failed(found) == {n: f"ValueError: choked on {n}" for n in bad}
    assert values(found) == {n: n for n in range(8) if n not in bad}
    assert calls <= 1 + 4 * len(bad) + 4


def test_one_bad_item_costs_few_calls_in_a_large_batch() -> None:
    sizes = []

    def eager(_: Any, items: list[int]) -> Iterator[int]:
        sizes.append(len(items))
        yield from [choke({999}, item) for item in items]

    assert list(failed(outcomes(eager, range(1000)))) == [999]
    assert len(sizes) < 45


def test_too_much_at_once_is_done_in_parts() -> None:
    def small_memory(_: Any, items: list[int]) -> list[int]:
        if len(items) > 3:
            raise MemoryError("out of memory")
        return items

    assert outcomes(small_memory, range(10)) == {n: n for n in range(10)}


def test_the_traceback_is_the_users_own() -> None:
    error = outcomes(lambda _, items: [choke({1}, item) for item in items], [0, 1])[1]
    assert error.type == "ValueError"
    assert error.message == "choked on 1"
    assert "in choke" in error.traceback
    assert error.traceback.startswith("Traceback (most recent call last):\n")
    assert "workers/host/batch.py" not in error.traceback


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError])
def test_no_exception_leaves_the_batch(kind: type[BaseException]) -> None:
    def task(_: Any, items: list[int]) -> Iterator[int]:
        for item in items:
            if item == 1:
                raise kind("out")
            yield item

    found = outcomes(task, [0, 1, 2])
    assert failed(found) == {1: f"{kind.__name__}: out"}


def test_a_yielded_exception_fails_its_item_alone() -> None:
    calls = []

    def task(_: Any, items: list[int]) -> Iterator[Any]:
        calls.append(len(items))
        for item in items:
            yield KeyError("evidence") if item == 1 else item

    found = outcomes(task, [0, 1, 2])
    assert failed(found) == {1: "KeyError: 'evidence'"}
    assert outcomes(lambda _, items: [OSError("x"), 1], [0, 1])[0].type == "OSError"
    assert calls == [3]


def test_a_wrong_number_of_results_is_traced_to_its_items() -> None:
    def forgets_odd_pairs(_: Any, items: list[int]) -> list[int]:
        return [item for item in items if item != 5]

    found = outcomes(forgets_odd_pairs, range(8))
    assert failed(found) == {
        5: "WrongResultCount: the task returned 0 results for 1 item; "
        "it must give exactly one result per item, in their order"
    }
    assert len(values(found)) == 7


def test_three_results_for_one_item() -> None:
    (error,) = outcomes(lambda _, items: items * 3, [1]).values()
    assert "returned 3 results for 1 item;" in error.message


def test_a_generator_that_ends_early() -> None:
    def ends_at_two(_: Any, items: list[int]) -> Iterator[int]:
        for item in items:
            if item == 2:
                return
            yield item

    found = outcomes(ends_at_two, range(5))
    assert list(failed(found)) == [2]
    assert "yielded 0 results for 1 item;" in found[2].message


def test_a_generator_that_goes_on_too_long() -> None:
    closed = []

    def without_end(_: Any, items: list[int]) -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    found = outcomes(without_end, range(3))
    assert list(failed(found)) == [2]
    assert "yielded more than 3 results for 3 items;" in found[2].message
    assert closed == [True]


def test_an_error_behind_the_last_result_is_no_items_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def task(_: Any, items: list[int]) -> Iterator[int]:
        yield from items
        raise RuntimeError("while tidying up")

    assert outcomes(task, [1, 2]) == {0: 1, 1: 2}
    assert "while tidying up" in capsys.readouterr().err


@pytest.mark.parametrize("answer", [None, "text", b"bytes", {"a": 1}, {1, 2}, 7])
def test_an_answer_that_is_no_list_of_results(answer: Any) -> None:
    found = outcomes(lambda _, items: answer, [1, 2])
    assert {error.type for error in found.values()} == {"WrongResultKind"}
    assert f"returned {type(answer).__name__}, not its results" in found[0].message


def test_a_coroutine_is_no_list_of_results() -> None:
    async def task(_: Any, items: list[int]) -> list[int]:
        return items

    assert "returned coroutine" in outcomes(task, [1])[0].message


def test_a_result_that_cannot_travel_fails_alone() -> None:
    found = outcomes(lambda _, items: [1, object(), 3], [1, 2, 3])
    assert values(found) == {0: 1, 2: 3}
    assert found[1].type == "UnserialisableResult"


def test_a_task_may_spoil_its_items() -> None:
    """The items of a second call are not those that the first has changed."""

    def spoils(_: Any, items: list[dict[str, int]]) -> list[int]:
        got = [item.pop("n") for item in items]
        if 2 in got and len(items) > 1:
            raise ValueError("not together with others")
        return got

    assert outcomes(spoils, [{"n": n} for n in range(4)]) == {n: n for n in range(4)}


def test_an_item_that_cannot_be_unpacked_fails_alone() -> None:
    found: Outcomes = {}
    items = [msgspec.msgpack.encode(1), msgspec.msgpack.encode(msgspec.msgpack.Ext(9, b""))]
    BatchRun(
        double, None, {}, items, lambda result, _: found.update({result.position: result})
    ).run()
    assert found[0].value == msgspec.msgpack.encode(2)
    assert "unknown msgpack extension 9" in found[1].error.message


def test_an_accelerator_that_does_not_answer_is_no_items_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A real GPU in this state cannot be had in a test; torch's interface is stood in for."""

    def synchronize() -> None:
        raise RuntimeError("CUDA error: device-side assert triggered")

    cuda = types.SimpleNamespace(is_initialized=lambda: True, synchronize=synchronize)
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(cuda=cuda))
    found: list[int] = []
    encoded = [msgspec.msgpack.encode(n) for n in range(3)]

    def task(_: Any, items: list[int]) -> Iterator[int]:
        for item in items:
            yield choke({1}, item)

    with pytest.raises(ReplicaBroken):
        BatchRun(task, None, {}, encoded, lambda result, _: found.append(result.position)).run()
    assert found == [0]


@given(
    st.integers(1, 40),
    st.sets(st.integers(0, 39)),
    st.sampled_from(["list", "lazy", "eager", "chunks"]),
    st.integers(1, 7),
)
def test_any_bad_items_in_any_shape(count: int, bad: set[int], kind: str, chunk: int) -> None:
    def task(_: Any, items: list[int]) -> Any:
        if kind == "list":
            return [choke(bad, item) for item in items]
        size = {"lazy": 1, "eager": len(items), "chunks": chunk}[kind]
        return (
            result
            for start in range(0, len(items), size)
            for result in [choke(bad, item) for item in items[start : start + size]]
        )

    found = outcomes(task, range(count))
    assert set(failed(found)) == {n for n in bad if n < count}
