"""The goods of all open runs: what an engine asks for when it carries out an order."""

from __future__ import annotations

import inspect
from pathlib import Path

import msgspec

from pcm.core.commands import Ranges
from pcm.engines.base import Cargo, ContextCargo, TaskCargo
from pcm.errors import InputError, JournalError
from pcm.formats.atomic import atomic_file
from pcm.identity.trees import trees
from pcm.journal import CARGO_FILE, Journal
from pcm.manager.model_classes import with_model_classes
from pcm.packing import pack
from pcm.recipe import Recipe, Task


class RunCargo(msgspec.Struct, frozen=True):
    """Context and task of one run, packed once; kept in its directory for ``resume``.

    The payloads are pickles made by this user for the workers; the manager never opens them.
    """

    context: ContextCargo
    task: TaskCargo

    @classmethod
    def of(cls, task: Task, recipe: Recipe, *, hub_files: bool = False) -> RunCargo:
        """``hub_files``: models of the hub that are in this machine's cache go to workers as files,
        as those in directories do. Raises InputError where something cannot be pickled or read,
        naming it."""
        signature = inspect.signature(recipe.loader)
        bound = signature.bind(*recipe.args, **recipe.kwargs)
        for name in recipe.files:  # Workers replace what is given, not what is left out.
            default = signature.parameters[name].default
            if default is not inspect.Parameter.empty:
                bound.arguments.setdefault(name, default)
        found = trees(bound, recipe.files, hub=hub_files)
        loading = (recipe.loader, bound.args, bound.kwargs, recipe.probe)
        return cls(
            ContextCargo(
                recipe.name,
                pack(loading, installed=recipe.imports),
                with_model_classes(recipe.imports, found),
                float(recipe.load_timeout_seconds),
                found,
                recipe.ranks,
            ),
            TaskCargo(task.identity.digest, task.name, pack((task.function, task.arguments))),
        )

    def save(self, directory: Path) -> None:
        """Whole or not at all. Raises JournalError."""
        path = directory / CARGO_FILE
        try:
            with atomic_file(path) as file:
                file.write(msgspec.msgpack.encode(self))
        except OSError as error:
            raise JournalError(f"{path}: {error.strerror}; free some space, start again") from error

    @classmethod
    def read(cls, directory: Path) -> RunCargo:
        path = directory / CARGO_FILE
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError) as error:
            raise InputError(
                f"the packed task and context cannot be read ({error})",
                file=str(path),
                mend="start the run again by its script; finished items are kept",
            ) from error


class Hold(Cargo):
    """Where the loop keeps the cargo of its open runs."""

    def __init__(self) -> None:
        self._runs: dict[str, tuple[str, RunCargo, Journal]] = {}

    def add(self, run: str, context: str, cargo: RunCargo, journal: Journal) -> None:
        self._runs[run] = (context, cargo, journal)

    def remove(self, run: str) -> None:
        self._runs.pop(run, None)

    def context(self, context: str) -> ContextCargo:
        """Only what an open run needs is ever loaded. Raises KeyError otherwise."""
        for name, cargo, _ in self._runs.values():
            if name == context:
                return cargo.context
        raise KeyError(context)

    def task(self, run: str) -> TaskCargo:
        return self._runs[run][1].task

    def items(self, run: str, ranges: Ranges) -> list[bytes]:
        return self._runs[run][2].payloads(ranges)
