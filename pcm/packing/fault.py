"""Which variable it is that cannot be pickled, told as a path from the function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator
from types import FunctionType, MethodType

from pcm.user_code.classes import data_attributes, methods
from pcm.user_code.references import references

_MOST_STEPS = 30


def find_fault(value: object, dumps: Callable[[object], bytes]) -> str | None:
    """The path to the innermost part that cannot be pickled; None if all parts can be."""
    steps: list[str] = []
    visited: set[int] = set()
    if not _fails(value, dumps):
        return None
    while len(steps) < _MOST_STEPS:
        visited.add(id(value))
        for step, part in _parts(value):
            if id(part) not in visited and _fails(part, dumps):
                steps.append(step)
                value = part
                break
        else:
            break
    path = " of ".join(step for step in reversed(steps) if step)
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    return f"{path or 'it'} cannot be sent to a worker: it is a {kind}"


def _fails(value: object, dumps: Callable[[object], bytes]) -> bool:
    try:
        dumps(value)
    except Exception:
        return True
    return False


def _parts(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, FunctionType):
        for reference in references(value):
            yield f"{reference.kind} {reference.name!r}", reference.value
    elif isinstance(value, MethodType):
        yield "", value.__func__
        yield "its object", value.__self__
    elif isinstance(value, functools.partial):
        yield from ((_named(part), part) for part in (value.func, value.args, value.keywords))
    elif isinstance(value, type):
        yield from _of_class(value)
    elif isinstance(value, dict | list | tuple | set | frozenset):
        yield from _of_container(value)
    else:
        yield from _of_object(value)


def _of_class(value: type) -> Iterator[tuple[str, object]]:
    yield from ((f"method {name!r}", method) for name, method in methods(value))
    yield from ((f"attribute {name!r}", part) for name, part in data_attributes(value))
    yield from ((f"base class {base.__name__}", base) for base in value.__bases__)


def _of_container(value: Collection[object]) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        yield from ((f"entry {key!r}", element) for key, element in value.items())
        yield from ((f"key {key!r}", key) for key in value)
    else:
        for position, element in enumerate(value):
            yield _named(element) or f"element {position}", element


def _of_object(value: object) -> Iterator[tuple[str, object]]:
    wrapped = getattr(value, "__wrapped__", None)
    if wrapped is not None:
        yield _named(wrapped), wrapped
    for name, part in getattr(value, "__dict__", {}).items():
        yield f"attribute {name!r}", part
    slots = getattr(type(value), "__slots__", ())
    for name in (slots,) if isinstance(slots, str) else slots:
        if hasattr(value, name):
            yield f"attribute {name!r}", getattr(value, name)
    yield f"class {type(value).__name__}", type(value)


def _named(value: object) -> str:
    if isinstance(value, FunctionType | type):
        return f"{'class' if isinstance(value, type) else 'function'} {value.__name__!r}"
    return ""
