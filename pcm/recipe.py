"""Contexts as users declare them: what has to be loaded before a task can run."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType
from typing import Any, Generic, NoReturn, ParamSpec, overload

from pcm.core.events import Requirements
from pcm.declarations import declaration_error, declared_function, flat_arguments, seconds
from pcm.identity import Identity, identify
from pcm.identity.identify import absolute
from pcm.sizes import parse_bytes
from pcm.tasks import Task, task
from pcm.user_code.references import code_names

P = ParamSpec("P")
Size = str | int | float

_FORK_SAFE = (
    *("torch", "transformers", "numpy", "safetensors", "tokenizers", "peft", "accelerate"),
    *("sentence_transformers", "scipy", "sklearn", "pandas", "workers.inference"),
)
"""Libraries known to start no threads and to touch no GPU when imported: a worker may import them
once and fork. Others are imported by the loader, unless the user names them."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """How to make one context: a loader with its arguments, and what it needs of a worker.

    Nothing has run yet. ``files`` names the arguments that stand for files or a hub model;
    ``imports`` are modules that workers import once, before they fork a replica.
    """

    name: str
    loader: FunctionType
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    imports: tuple[str, ...]
    files: tuple[str, ...]
    requirements: Requirements
    load_timeout_seconds: float
    probe: Callable[[Any], object] | None

    @cached_property
    def identity(self) -> Identity:
        """Content hash of loader, arguments, files and requirements.

        The first use reads all files (large ones only if they were never read before). Raises
        InputError if a file cannot be read.
        """
        bound = inspect.signature(self.loader).bind(*self.args, **self.kwargs)
        return identify(
            self.name,
            self.loader,
            flat_arguments(bound),
            files=self.files,
            requirements=self.requirements,
        )

    def load(self) -> Any:
        """Call the loader here and now, in this process: to try a task without a manager."""
        return self.loader(*self.args, **self.kwargs)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a recipe stays with the manager; a task is given what it loads")


@dataclass(frozen=True, eq=False)
class Context(Generic[P]):
    """A declared context. Calling it with the loader's arguments gives a recipe."""

    loader: FunctionType
    imports: tuple[str, ...]
    files: tuple[str, ...]
    requirements: Requirements
    load_timeout_seconds: float
    probe: Callable[[Any], object] | None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Recipe:
        """The recipe for these arguments; paths in them become absolute.

        Raises TypeError for arguments that the loader does not take, InputError for a path that
        does not exist.
        """
        name, signature = self.loader.__qualname__, inspect.signature(self.loader)
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"context {name}{signature}: {error}") from None
        for argument in self.files:
            value = bound.arguments.get(argument)
            if isinstance(value, str | os.PathLike):
                field = f"context {name!r}, argument {argument!r}"
                bound.arguments[argument] = absolute(value, field=field)
        return Recipe(
            self.loader.__name__,
            self.loader,
            bound.args,
            bound.kwargs,
            self.imports,
            self.files,
            self.requirements,
            self.load_timeout_seconds,
            self.probe,
        )

    @property
    def __wrapped__(self) -> FunctionType:
        return self.loader

    def __reduce__(self) -> Any:
        """On a worker, where there is no pcm, it is the plain loader."""
        return functools.partial(self.loader).__reduce__()


@overload
def context(loader: Callable[P, Any], /) -> Context[P]: ...


@overload
def context(
    *,
    gpu_memory: Size | None = None,
    memory: Size | None = None,
    gpus: int | None = None,
    imports: Sequence[str] | None = None,
    files: str | Sequence[str] | None = None,
    load_timeout: float = 600.0,
    probe: Callable[[Any], object] | None = None,
) -> Callable[[Callable[P, Any]], Context[P]]: ...


def context(
    loader: Callable[..., Any] | None = None,
    /,
    *,
    gpu_memory: Size | None = None,
    memory: Size | None = None,
    gpus: int | None = None,
    imports: Sequence[str] | None = None,
    files: str | Sequence[str] | None = None,
    load_timeout: float = 600.0,
    probe: Callable[[Any], object] | None = None,
) -> Any:
    """Declare a loader: a function that runs on the worker and returns what tasks work with.

    Args:
        gpu_memory: what it needs of each GPU, like "5 GB"; workers without a GPU do as well
            unless ``gpus`` is given.
        memory: what it needs of the worker's memory.
        gpus: how many GPUs one replica needs.
        imports: modules that workers import once, before they fork; by default the well-known
            ones that the loader imports. These are expected on the worker and do not travel.
        files: arguments that stand for a file, a directory or a hub model: their contents are
            part of the identity. By default ``model``, if the loader has it.
        load_timeout: seconds after which loading counts as failed.
        probe: called with what the loader returned; the replica is ready when it returns.

    Raises InputError for what cannot be declared.
    """

    def declare(function: Callable[..., Any]) -> Context[Any]:
        plain = declared_function(function, "context")
        owner = f"context {plain.__qualname__}, "
        if gpus is not None and (isinstance(gpus, bool) or not isinstance(gpus, int) or gpus < 0):
            raise declaration_error(plain, f"gpus={gpus!r}", "give gpus as a number from 0 up")
        if probe is not None and not callable(probe):
            raise declaration_error(plain, f"probe={probe!r}", "give probe as a function")
        return Context(
            plain,
            _imports(plain, imports),
            _files(plain, files),
            Requirements(
                gpus or 0,
                0 if gpu_memory is None else parse_bytes(gpu_memory, field=f"{owner}gpu_memory"),
                0 if memory is None else parse_bytes(memory, field=f"{owner}memory"),
            ),
            seconds(load_timeout, field="load_timeout", owner=plain),
            probe,
        )

    return declare if loader is None else declare(loader)


def _imports(loader: FunctionType, given: Sequence[str] | None) -> tuple[str, ...]:
    if given is not None:
        names = (given,) if isinstance(given, str) else tuple(given)
        if not all(isinstance(name, str) and name for name in names):
            raise declaration_error(loader, f"imports={given!r}", "give names of modules")
        return names
    mentioned = code_names(loader.__code__)
    imported = [statement.module for statement in mentioned.imports if not statement.level]
    for chain in mentioned.chains:
        value = loader.__globals__.get(chain[0])
        module = getattr(value, "__module__", None) or getattr(value, "__name__", "")
        imported.append(module if isinstance(module, str) else "")
    return tuple(
        library
        for library in _FORK_SAFE
        if any(module == library or module.startswith(f"{library}.") for module in imported)
    )


def _files(loader: FunctionType, given: str | Sequence[str] | None) -> tuple[str, ...]:
    parameters = inspect.signature(loader).parameters
    if given is None:
        return ("model",) if "model" in parameters else ()
    names = (given,) if isinstance(given, str) else tuple(given)
    for name in names:
        if name not in parameters:
            raise declaration_error(
                loader,
                f"files names {name!r}, which is no argument of the loader",
                f"choose among {', '.join(parameters) or 'none: it has no arguments'}",
            )
    return names


__all__ = ["Context", "Recipe", "Task", "context", "task"]
