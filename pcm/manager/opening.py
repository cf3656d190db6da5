"""From a user's call to a run directory that is ready to work on: made, or taken up again."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

import pcm
from pcm.errors import ChangedRunError, InputError
from pcm.formats import Output, check_outputs
from pcm.journal import MANIFEST_FORMAT, Durability, Item, Journal, Manifest, changes, is_run
from pcm.manager.cargo import RunCargo
from pcm.packing import encode_item, encode_key
from pcm.recipe import Recipe, Task

DURABILITY: Durability = "process"
"""No kill takes a committed row. A power cut may take the last ones, which are computed again: that
is cheaper than a disk flush before every result is reported."""

KeyOf = str | Callable[[Any], Any] | None
CostOf = Callable[[Any], float] | None


class OpenedRun(msgspec.Struct, frozen=True):
    """A locked run directory whose items are all in, with what its workers will need."""

    directory: Path
    journal: Journal
    manifest: Manifest
    cargo: RunCargo


def manifest_of(
    task: Task,
    recipe: Recipe,
    *,
    name: str,
    key: KeyOf,
    outputs: list[Output],
    options: dict[str, Any],
) -> Manifest:
    return Manifest(
        format=MANIFEST_FORMAT,
        run=uuid.uuid4().hex[:12],
        name=name or task.name,
        created=time.time(),
        pcm=pcm.__version__,
        key_name=key if isinstance(key, str) else "key",
        task=task.identity,
        context=recipe.identity,
        requirements=msgspec.to_builtins(recipe.requirements),
        options=options,
        outputs=outputs,
    )


def open_or_create(
    directory: Path,
    manifest: Manifest,
    task: Task,
    recipe: Recipe,
    items: Iterable[Item],
    *,
    hub_files: bool = False,
) -> OpenedRun:
    """Make the directory's journal, or take up the one that is there if it is the same run.

    ``hub_files``: see ``RunCargo.of``. Raises ChangedRunError if it is not, RunInUseError,
    InputError for bad items or outputs.
    """
    check_outputs(manifest.outputs, directory)
    cargo = RunCargo.of(task, recipe, hub_files=hub_files)
    if is_run(directory):
        return _take_up(directory, manifest, cargo, items)
    journal = Journal.create(directory, manifest, durability=DURABILITY)
    try:
        journal.add_items(items)
        cargo.save(directory)  # before the seal, so that every sealed run can be resumed
        journal.seal()
    except BaseException:
        journal.discard()
        raise
    return OpenedRun(directory, journal, manifest, cargo)


def _take_up(
    directory: Path, manifest: Manifest, cargo: RunCargo, items: Iterable[Item]
) -> OpenedRun:
    journal = Journal.open(directory, durability=DURABILITY)
    try:
        differences = changes(journal.manifest, manifest) or journal.check_items(items)
        if differences:
            raise ChangedRunError(str(directory), differences)
        journal.amend(
            msgspec.structs.replace(
                journal.manifest,
                name=manifest.name,
                requirements=manifest.requirements,
                options=manifest.options,
                outputs=manifest.outputs,
            )
        )
        cargo.save(directory)
    except BaseException:
        journal.close()
        raise
    return OpenedRun(directory, journal, journal.manifest, cargo)


def reopen(directory: Path, *, retry_failed: bool) -> OpenedRun:
    """A run as its directory describes it, without the script that began it."""
    journal = Journal.open(directory, durability=DURABILITY)
    try:
        cargo = RunCargo.read(directory)
        if retry_failed:
            journal.forget_failures()
    except BaseException:
        journal.close()
        raise
    return OpenedRun(directory, journal, journal.manifest, cargo)


def encoded(items: Iterable[Any], key: KeyOf, cost: CostOf) -> Iterator[Item]:
    """Items as the journal keeps them. Raises InputError naming the item that is at fault."""
    for index, item in enumerate(items):
        try:
            yield Item(_key(item, key, index), encode_item(item), _cost(item, cost))
        except InputError as error:
            raise InputError(
                error.problem, field=error.field or f"item {index}", mend=error.mend
            ) from error


def _key(item: Any, key: KeyOf, index: int) -> str:
    if key is None:
        return str(index)
    if callable(key):
        return encode_key(key(item))
    try:
        return encode_key(item[key])
    except (KeyError, TypeError, IndexError):
        raise InputError(
            f"has no field {key!r} to be its key", mend="give key= another field or a function"
        ) from None


def _cost(item: Any, cost: CostOf) -> float:
    value = 1.0 if cost is None else float(cost(item))
    if not 0.0 < value < float("inf"):
        raise InputError(f"its cost is {value}", mend="cost= must give a positive number")
    return value
