from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import pytest

from pcm.errors import InputError
from pcm.packing import pack
from pcm.recipe import context, task

LOCK = threading.Lock()


class Holder:
    def __init__(self) -> None:
        self.inner = {"lock": [1, threading.Lock()]}


HOLDER = Holder()


def uses_global(llm: Any, items: Any) -> Any:
    return LOCK


def uses_holder(llm: Any, items: Any) -> Any:
    return HOLDER


def goes_through(llm: Any, items: Any) -> Any:
    return uses_global(llm, items)


def closure() -> Callable[..., Any]:
    lock = threading.Lock()

    def inner(llm: Any, items: Any) -> Any:
        return lock

    return inner


def with_default(llm: Any, items: Any, lock: Any = LOCK) -> Any:
    return lock


RECIPE = context(uses_global)(1, 2)


def uses_recipe(llm: Any, items: Any) -> Any:
    return RECIPE


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ((uses_global, {}), "global 'LOCK' of function 'uses_global'"),
        ((goes_through, {}), "global 'LOCK' of global 'uses_global' of function 'goes_through'"),
        (closure(), "variable 'lock'"),
        (with_default, "default 'lock'"),
        (((lambda: 1), (1, LOCK), {}), "element 1 of element 1"),
        ((uses_recipe, {"a": 1}), "global 'RECIPE' of function 'uses_recipe'"),
        (
            (uses_holder, {}),
            "element 1 of entry 'lock' of attribute 'inner' of global 'HOLDER' "
            "of function 'uses_holder'",
        ),
        (functools.partial(uses_global, 1), "global 'LOCK' of function 'uses_global'"),
        (task(uses_global), "global 'LOCK' of function 'uses_global'"),
        ((uses_holder, {"prompt": LOCK}), "global 'HOLDER'"),
        ((len, {"prompt": LOCK}), "entry 'prompt' of element 1"),
    ],
)
def test_what_cannot_be_sent_is_named(value: object, path: str) -> None:
    with pytest.raises(InputError) as caught:
        pack(value)
    assert path in caught.value.problem
    assert "cannot be sent to a worker: it is a " in caught.value.problem
    assert "make it inside the function" in str(caught.value)


def test_the_reason_is_told_too() -> None:
    with pytest.raises(InputError, match=r"it is a _thread.lock .*cannot pickle '_thread.lock'"):
        pack(uses_global)
