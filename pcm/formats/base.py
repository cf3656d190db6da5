"""The contract of an output: declared with a run, kept in its manifest, written at its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from pcm.formats.rows import About, Rows

OpenFile = Callable[[str], BinaryIO]
"""Opens a path of an output for writing. Whoever opened closes: the file takes its place when
``OutputFile.write`` has returned."""


class OutputFile(msgspec.Struct, frozen=True, tag_field="format", tag=str.lower):
    """Base of all outputs. Paths are relative to the run directory, or absolute."""

    def paths(self) -> list[str]:
        """The files that it writes."""
        raise NotImplementedError

    def check(self) -> None:
        """Raises InputError if this machine cannot write such an output at all."""

    def write(self, rows: Rows, about: About, open_file: OpenFile) -> None:
        """Write all final rows. What it raises leaves the old files as they were."""
        raise NotImplementedError


def place(path: str, directory: Path) -> Path:
    """Where an output path lies."""
    return directory / Path(path).expanduser()
