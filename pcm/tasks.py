"""Tasks as users declare them: what is done with a loaded context and a batch of items."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import FunctionType
from typing import Any, overload

from pcm.declarations import declaration_error, declared_function, flat_arguments, seconds
from pcm.identity import Identity, identify

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_BY_NAME = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, eq=False)
class Task:
    """A declared task: ``function(context, items, **arguments)`` with arguments fixed.

    Called, it is the plain function, so that it can be tried without a manager.
    """

    function: FunctionType
    arguments: Mapping[str, Any] = field(default_factory=dict)
    retries: int = 0
    item_timeout_seconds: float | None = None

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def __wrapped__(self) -> FunctionType:
        return self.function

    def __call__(self, context: Any, items: Any, *args: Any, **arguments: Any) -> Any:
        """Call the function here and now, with the bound arguments unless others are given."""
        return self.function(context, items, *args, **{**self.arguments, **arguments})

    def bind(self, **arguments: Any) -> Task:
        """The task with these arguments fixed, which makes them part of its identity.

        Raises InputError for names that the function does not take.
        """
        signature = inspect.signature(self.function)
        open_ended = any(
            parameter.kind is inspect.Parameter.VAR_KEYWORD
            for parameter in signature.parameters.values()
        )
        allowed = [
            name
            for name, parameter in list(signature.parameters.items())[2:]
            if parameter.kind in _BY_NAME
        ]
        reserved = list(signature.parameters)[:2]
        for name in arguments:
            if name in reserved or not (open_ended or name in allowed):
                raise declaration_error(
                    self.function,
                    f"task {self.name}{signature} cannot be bound to {name!r}",
                    f"bind among {', '.join(allowed)}" if allowed else "it has nothing to bind",
                )
        return replace(self, arguments={**self.arguments, **arguments})

    @property
    def missing(self) -> list[str]:
        """Arguments without a default that are not bound yet; a run needs all of them."""
        parameters = list(inspect.signature(self.function).parameters.items())[2:]
        return [
            name
            for name, parameter in parameters
            if parameter.default is inspect.Parameter.empty
            and parameter.kind in (*_POSITIONAL, *_BY_NAME)
            and name not in self.arguments
        ]

    @cached_property
    def identity(self) -> Identity:
        """Content hash of the function, all that it refers to, and its arguments.

        Raises InputError if arguments are missing. Retries and timeouts do not count: they
        change no result.
        """
        if self.missing:
            raise declaration_error(
                self.function,
                f"needs {', '.join(map(repr, self.missing))}",
                f"fix it with {self.name}.bind({self.missing[0]}=...)",
            )
        bound = inspect.signature(self.function).bind(None, None, **self.arguments)
        given = dict(list(flat_arguments(bound).items())[2:])
        return identify(self.name, self.function, given)

    def __reduce__(self) -> Any:
        """On a worker, where there is no pcm, it is the plain function."""
        return functools.partial(self.function, **self.arguments).__reduce__()


@overload
def task(function: Callable[..., Any], /) -> Task: ...


@overload
def task(
    *, retries: int = 0, item_timeout: float | None = None
) -> Callable[[Callable[..., Any]], Task]: ...


def task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    retries: int = 0,
    item_timeout: float | None = None,
) -> Any:
    """Declare a task: a function of a context and a list of items, with one result per item.

    It returns a list or is a generator, whose results count as they are made. An exception
    instance in place of a result fails that item only.

    Args:
        retries: how often an item for which the task raised is tried again.
        item_timeout: seconds that one item may take; none by default.

    Raises InputError for what cannot be declared.
    """

    def declare(candidate: Callable[..., Any]) -> Task:
        plain = declared_function(candidate, "task")
        if not _takes_context_and_items(plain):
            raise declaration_error(
                plain,
                f"task {plain.__name__}{inspect.signature(plain)} does not take context and items",
                "declare it as def name(context, items, ...)",
            )
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
            raise declaration_error(
                plain, f"retries={retries!r}", "give retries as a number from 0 up"
            )
        timeout = item_timeout
        if timeout is not None:
            timeout = seconds(timeout, field="item_timeout", owner=plain)
        return Task(plain, retries=retries, item_timeout_seconds=timeout)

    return declare if function is None else declare(function)


def _takes_context_and_items(function: FunctionType) -> bool:
    parameters = list(inspect.signature(function).parameters.values())
    return len(parameters) >= 2 and all(
        parameter.kind in _POSITIONAL for parameter in parameters[:2]
    )


__all__ = ["Task", "task"]
