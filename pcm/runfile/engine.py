"""The engine that a run file names, with its options, checked before anything starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pcm.errors import InputError
from pcm.runfile.blame import blaming
from pcm.runfile.document import Document
from pcm.runfile.shape import RunFile

PATHS = ("password_file", "scratch", "logs")
"""Options that are paths, whatever the engine; a relative one starts at the run file."""


def engine_of(
    run_file: RunFile,
    document: Document,
    base: Path,
    *,
    engine: str | None,
    options: Mapping[str, Any],
    workers: int | None,
) -> tuple[str, dict[str, Any]]:
    """Its name and options. What is given here goes before what the file says; the file's options
    go with the file's engine. Raises InputError with the line that is to blame."""
    name = engine or run_file.carrier
    same = name == run_file.carrier
    written = _options(run_file, base) if same else {}
    all_options = {**written, **options}
    listening = {"listen": 0} if same and run_file.glideins else {}
    try:
        _try(name, {**listening, **all_options}, run_file.workers if workers is None else workers)
    except InputError as error:
        at: tuple[str, ...] | None = None
        if error.field in written and error.field not in options:
            at = ("engine_options", error.field)
        elif error.field == "engine_options" or (error.field == "engine" and engine is None):
            at = (error.field,)
        elif error.field == "workers" and workers is None and run_file.workers is not None:
            at = ("workers",)
        if at is None:
            raise
        with blaming(document, at):
            raise
    return name, all_options


def _options(run_file: RunFile, base: Path) -> dict[str, Any]:
    def beside(path: str) -> str:
        return os.path.normpath(base / Path(path).expanduser())

    options = dict(run_file.engine_options)
    for name in PATHS:
        if isinstance(options.get(name), str):
            options[name] = beside(options[name])
    if isinstance(options.get("ssl"), list):
        options["ssl"] = [beside(str(path)) for path in options["ssl"]]
    return options


def _try(name: str, options: dict[str, Any], workers: int | None) -> None:
    from pcm.engines import check_workers, make_engine

    try:
        check_workers(make_engine(name, **options), workers)
    except TypeError as error:
        raise InputError(
            f"a value is of the wrong kind ({error})", field="engine_options"
        ) from None
