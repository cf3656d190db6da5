"""Files that a loader's arguments stand for, as they are on this machine: what workers elsewhere
are sent of them."""

from __future__ import annotations

import inspect
import os
from collections.abc import Collection
from pathlib import Path

from pcm.errors import InputError
from pcm.identity.files import digest_files
from pcm.identity.models import hub_commit, hub_snapshot, is_hub_id, local_path
from workers.protocol import StagedFile, Tree

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def trees(bound: inspect.BoundArguments, files: Collection[str], *, hub: bool) -> tuple[Tree, ...]:
    """A tree for each argument of a loader that ``files`` names and that is files of this machine.

    A model of the hub has one if ``hub`` is set and the whole of it is in this machine's hub cache.
    Hashes were taken for the identity already, so this reads little. Raises InputError for what
    cannot be read.
    """
    found = []
    for at, (name, parameter) in enumerate(bound.signature.parameters.items()):
        if name not in files or name not in bound.arguments:
            continue
        value = bound.arguments[name]
        by_position = parameter.kind in _POSITIONAL and at < len(bound.args)
        argument: int | str = at if by_position else name
        path = local_path(value, field=f"argument {name!r}")
        if path is not None:
            found.append(Tree(argument, str(path), _files(path), path.is_file()))
        elif hub and isinstance(value, str) and is_hub_id(value):
            commit = hub_commit(value, _revision(bound))
            snapshot = None if commit is None else hub_snapshot(value, commit)
            if commit is not None and snapshot is not None:
                tree = Tree(argument, str(snapshot), _files(snapshot), hub=value, commit=commit)
                found.append(tree)
    return tuple(found)


def _revision(bound: inspect.BoundArguments) -> str:
    parameter = bound.signature.parameters.get("revision")
    default = None if parameter is None else parameter.default
    given = bound.arguments.get("revision") or bound.kwargs.get("revision") or default
    return given if isinstance(given, str) else "main"


def _files(path: Path) -> tuple[StagedFile, ...]:
    folder = path.parent if path.is_file() else path
    files = []
    for name, digest in digest_files(path).items():
        try:
            status = os.stat(folder / name)
        except OSError as error:
            raise InputError(
                f"cannot be read ({error.strerror})", file=str(folder / name)
            ) from error
        files.append(StagedFile(name, status.st_size, digest, status.st_mtime_ns))
    return tuple(files)
