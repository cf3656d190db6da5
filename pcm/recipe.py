"""Contexts as users declare them: what has to be loaded before a task can run."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import FunctionType
from typing import Any, Generic, NoReturn, ParamSpec, overload

import msgspec

from pcm.core.events import Requirements
from pcm.declarations import (
    declaration_error,
    declared_function,
    flat_arguments,
    gpus_and_ranks,
    seconds,
)
from pcm.identity import Identity, identify
from pcm.identity.identify import absolute
from pcm.sizes import parse_bytes
from pcm.tasks import Task, task
from pcm.user_code.references import code_names

P = ParamSpec("P")
Size = str | int | float

LOAD_TIMEOUT_SECONDS = 600.0
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
    ``imports`` are modules that workers import once, before they fork a replica. With several
    ``ranks`` a replica is as many processes.
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
    ranks: int = 1

    @cached_property
    def identity(self) -> Identity:
        """Content hash of loader, arguments, files, requirements and ranks.

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
            ranks=self.ranks,
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
    ranks: int = 1

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
            self.ranks,
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
    ranks: int | None = None,
    imports: Sequence[str] | None = None,
    files: str | Sequence[str] | None = None,
    load_timeout: float | None = None,
    probe: Callable[[Any], object] | None = None,
) -> Callable[[Callable[P, Any]], Context[P]]: ...


def context(
    loader: Callable[..., Any] | None = None,
    /,
    *,
    gpu_memory: Size | None = None,
    memory: Size | None = None,
    gpus: int | None = None,
    ranks: int | None = None,
    imports: Sequence[str] | None = None,
    files: str | Sequence[str] | None = None,
    load_timeout: float | None = None,
    probe: Callable[[Any], object] | None = None,
) -> Any:
    """Declare a loader: a function that runs on the worker and returns what tasks work with.

    A context that is declared again, as in ``pcm.context(gpus=2)(pcm.language_model)``, is another
    one: what is not said stays as it was.

    Args:
        gpu_memory: what it needs of each GPU, like "5 GB"; workers without a GPU do as well
            unless ``gpus`` is given.
        memory: what it needs of the worker's memory.
        gpus: how many GPUs one replica needs.
        ranks: of how many processes one replica is, each with its part of the GPUs: all run the
            loader and every batch, and find each other by torch.distributed; the results are those
            of rank 0. By default one per GPU. 1: one process sees all GPUs.
        imports: modules that workers import once, before they fork; by default the well-known
            ones that the loader imports. These are expected on the worker and do not travel.
        files: arguments that stand for a file, a directory or a hub model: their contents are
            part of the identity. By default ``model``, if the loader has it.
        load_timeout: seconds after which loading counts as failed; by default 600.
        probe: called with what the loader returned; the replica is ready when it returns.

    Raises InputError for what cannot be declared.
    """

    def declare(function: Callable[..., Any]) -> Context[Any]:
        before = function if isinstance(function, Context) else _undemanding(function)
        plain = before.loader
        owner = f"context {plain.__qualname__}, "
        if probe is not None and not callable(probe):
            raise declaration_error(plain, f"probe={probe!r}", "give probe as a function")
        needs, needed = before.requirements, {}
        if gpu_memory is not None:
            needed["gpu_memory_bytes"] = parse_bytes(gpu_memory, field=f"{owner}gpu_memory")
        if memory is not None:
            needed["memory_bytes"] = parse_bytes(memory, field=f"{owner}memory")
        counted = gpus_and_ranks(gpus, ranks, before=(needs.gpus, before.ranks), owner=plain)
        return replace(
            before,
            imports=before.imports if imports is None else _imports(plain, imports),
            files=before.files if files is None else _files(plain, files),
            requirements=msgspec.structs.replace(needs, gpus=counted[0], **needed),
            load_timeout_seconds=before.load_timeout_seconds
            if load_timeout is None
            else seconds(load_timeout, field="load_timeout", owner=plain),
            probe=probe or before.probe,
            ranks=counted[1],
        )

    return declare if loader is None else declare(loader)


def _undemanding(function: Callable[..., Any]) -> Context[Any]:
    """The context as it is where nothing is said of it."""
    plain = declared_function(function, "context")
    files, imports = _files(plain, None), _imports(plain, None)
    return Context(plain, imports, files, Requirements(), LOAD_TIMEOUT_SECONDS, None)


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
