"""The goods of all open runs: what an engine asks for when it carries out an order."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pcm.core.commands import Ranges
from pcm.engines.base import Cargo, ContextCargo, TaskCargo
from pcm.errors import InputError
from pcm.journal import Journal
from pcm.packing import pack
from pcm.recipe import Recipe, Task

CARGO_FILE = "cargo.msgpack"


class RunCargo(msgspec.Struct, frozen=True):
    """Context and task of one run, packed once; kept in its directory for ``resume``.

    The payloads are pickles made by this user for the workers; the manager never opens them.
    """

    context: ContextCargo
    task: TaskCargo

    @classmethod
    def of(cls, task: Task, recipe: Recipe) -> RunCargo:
        """Raises InputError where something cannot be pickled, naming it."""
        loading = (recipe.loader, recipe.args, recipe.kwargs, recipe.probe)
        return cls(
            ContextCargo(
                recipe.name,
                pack(loading, installed=recipe.imports),
                recipe.imports,
                float(recipe.load_timeout_seconds),
            ),
            TaskCargo(task.identity.digest, task.name, pack((task.function, task.arguments))),
        )

    def save(self, directory: Path) -> None:
        path = directory / CARGO_FILE
        path.touch(mode=0o600)
        path.write_bytes(msgspec.msgpack.encode(self))

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
        self._contexts: dict[str, ContextCargo] = {}
        self._tasks: dict[str, TaskCargo] = {}
        self._journals: dict[str, Journal] = {}

    def add(self, run: str, context: str, cargo: RunCargo, journal: Journal) -> None:
        self._contexts[context] = cargo.context
        self._tasks[run] = cargo.task
        self._journals[run] = journal

    def remove(self, run: str) -> None:
        # A context outlives its run: it may stay warm for the next one.
        self._tasks.pop(run, None)
        self._journals.pop(run, None)

    def context(self, context: str) -> ContextCargo:
        return self._contexts[context]

    def task(self, run: str) -> TaskCargo:
        return self._tasks[run]

    def items(self, run: str, ranges: Ranges) -> list[bytes]:
        return self._journals[run].payloads(ranges)
