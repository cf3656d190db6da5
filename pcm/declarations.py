"""Checks on functions that users declare as contexts and tasks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

from pcm.errors import InputError
from pcm.user_code.references import is_plain_function


def declared_function(function: Callable[..., Any], what: str) -> FunctionType:
    """The function itself. Raises InputError for anything but a plain Python function."""
    if isinstance(function, FunctionType) and is_plain_function(function):
        return function
    kind = "an async function" if isinstance(function, FunctionType) else type(function).__name__
    raise declaration_error(
        function, f"@pcm.{what} was given {kind}", f"decorate a function: def name(...), got {kind}"
    )


def declaration_error(function: Callable[..., Any], problem: str, mend: str) -> InputError:
    """An InputError that points at the function's first line, where it is known."""
    code = getattr(function, "__code__", None)
    file, line = (code.co_filename, code.co_firstlineno) if code is not None else ("", 0)
    name = getattr(function, "__qualname__", repr(function))
    return InputError(problem, file=file, line=line, field=name, mend=mend)


def flat_arguments(bound: inspect.BoundArguments) -> dict[str, object]:
    """Arguments by name with the defaults filled in and those of ``**kwargs`` by their own."""
    bound.apply_defaults()
    arguments: dict[str, object] = {}
    for name, value in bound.arguments.items():
        if bound.signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            arguments.update(value)
        else:
            arguments[name] = value
    return arguments


def seconds(value: float, *, field: str, owner: Callable[..., Any]) -> float:
    """A positive number of seconds. Raises InputError."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < float("inf"):
        raise declaration_error(
            owner, f"{field}={value!r} is not a time", f"give {field} as seconds above 0"
        )
    return float(value)


def gpus_and_ranks(
    gpus: object, ranks: object, *, before: tuple[int, int], owner: Callable[..., Any]
) -> tuple[int, int]:
    """How many GPUs a replica needs, and of how many processes it is; None: nothing is said.

    ``before``: both, as they were. GPUs alone have a rank each. Raises InputError.
    """
    count = before[0] if gpus is None else _whole_number(gpus, "gpus", 0, owner)
    processes = before[1] if gpus is None else max(1, count)
    if ranks is not None:
        processes = _whole_number(ranks, "ranks", 1, owner)
    if count % processes and count:
        raise declaration_error(
            owner,
            f"gpus={count} cannot be divided among ranks={processes}",
            f"give ranks={count}, each with one, or gpus as a multiple of ranks",
        )
    return count, processes


def _whole_number(value: object, field: str, least: int, owner: Callable[..., Any]) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise declaration_error(
            owner, f"{field}={value!r}", f"give {field} as a number from {least} up"
        )
    return value
