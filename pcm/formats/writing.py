"""Checking outputs before a run starts, and writing them when it ends."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import msgspec

from pcm.errors import InputError, RunError
from pcm.formats.atomic import atomic_file
from pcm.formats.base import OutputFile, place
from pcm.formats.rows import About, Rows

_OWN_FILES = frozenset(
    (
        *("journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"),
        *("run.json", "cargo.msgpack", "lock"),
    )
)


def check_outputs(outputs: Sequence[OutputFile], directory: str | Path) -> None:
    """Raises InputError, before anything is started, if an output could not be written at the end.

    Folders that are missing will be made when the output is written.
    """
    root = Path(directory)
    seen: set[Path] = set()
    for output in outputs:
        output.check()
        for name in output.paths():
            path = place(name, root)
            _check_path(path, root)
            if path.absolute() in seen:
                raise InputError("two outputs have this path", file=str(path), mend="rename one")
            seen.add(path.absolute())


def write_outputs(
    rows: Rows, about: About, directory: str | Path, outputs: Sequence[OutputFile] | None = None
) -> None:
    """Write a run's outputs (those of its manifest, unless others are given), each whole or not
    at all. Raises RunError for the first that fails; the rows stay in the journal."""
    if outputs is None:
        outputs = getattr(about, "outputs", [])
    for output in outputs:
        _write(output, rows, about, Path(directory))


def _write(output: OutputFile, rows: Rows, about: About, directory: Path) -> None:
    path = place(output.paths()[0], directory)

    try:
        # The files of one output appear together, after all of it was written.
        with ExitStack() as files:

            def open_file(name: str) -> BinaryIO:
                nonlocal path
                path = place(name, directory)
                path.parent.mkdir(parents=True, exist_ok=True)
                return files.enter_context(atomic_file(path))

            output.write(rows, about, open_file)
    except OSError as error:
        raise RunError(
            f"{path}: the output could not be written ({error.strerror or error}); all results are "
            f"kept: free some space or make the folder writable, then resume {directory}"
        ) from error
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise RunError(
            f"{path}: the results do not fit this format ({error}); all results are kept in "
            f"{directory}: choose another format"
        ) from error


def _check_path(path: Path, root: Path) -> None:
    if path.parent == root and path.name in _OWN_FILES:
        raise InputError("is a file of the run itself", file=str(path), mend="rename the output")
    try:
        if path.is_dir():
            raise InputError("is a directory", file=str(path), mend="give the path of a file")
        if path.exists() and not path.is_file():
            raise InputError("is not a regular file", file=str(path), mend="give another path")
        folder = _nearest_folder(path.parent)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(0, "Permission denied")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"the output could not be written there ({error.strerror})",
            file=str(path),
            mend="give a path in a folder in which this user may write",
        ) from error


def _nearest_folder(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists. Raises NotADirectoryError."""
    while not folder.exists():
        if folder == folder.parent:
            break
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(0, f"{folder} is not a directory")
    return folder
