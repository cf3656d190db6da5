"""From a function and its arguments to an identity."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from types import FunctionType

import msgspec

from pcm.core.events import Requirements
from pcm.identity.files import digest_files
from pcm.identity.identity import COMMIT, Identity
from pcm.identity.models import hub_commit, is_hub_id, local_path
from pcm.user_code.survey import Survey


def identify(
    name: str,
    function: FunctionType,
    arguments: Mapping[str, object],
    *,
    files: Collection[str] = (),
    requirements: Requirements | None = None,
    ranks: int = 1,
) -> Identity:
    """The identity of a function that is called with these arguments.

    ``files`` names the arguments that stand for files: their contents count, not their place.
    ``ranks``: in how many processes it is loaded.
    Raises InputError where such a path does not exist or cannot be read.
    """
    survey = Survey.of(function)
    parts: dict[str, str] = {}
    for argument, value in arguments.items():
        field = f"argument {argument!r}"
        path = local_path(value, field=field) if argument in files else None
        if path is not None:
            prefix = f"{argument}/" if len(files) > 1 else ""
            parts |= {f"file {prefix}{at}": digest for at, digest in digest_files(path).items()}
            continue
        parts[field] = survey.value(value)
        if argument in files and isinstance(value, str) and is_hub_id(value):
            commit = hub_commit(value, str(arguments.get("revision") or "main"))
            if commit is not None:
                parts[f"{COMMIT}{argument!r}"] = commit
    for field, amount in msgspec.structs.asdict(requirements or Requirements()).items():
        if amount:
            parts[f"requirement {field}"] = str(amount)
    if ranks != 1:
        parts["ranks"] = str(ranks)
    return Identity.of(name, survey.parts | parts)


def absolute(value: object, *, field: str) -> object:
    """An argument that stands for files, so that it means the same in any working directory."""
    path = local_path(value, field=field)
    if path is None:
        return value
    return path if isinstance(value, Path) else os.fspath(path)
