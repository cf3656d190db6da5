"""Plans and profiles of heads as files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from workers.heads.document import Document

Kind = TypeVar("Kind", bound=Document)


def read_document(kind: type[Kind], path: Path) -> Kind:
    """Raises OSError if it cannot be read, ValueError with the file and the mend otherwise."""
    try:
        return kind.from_json(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path}: {error}; {kind.MEND}") from error


def write_document(it: Document, path: Path) -> None:
    """Complete or not at all, whoever else writes it. Raises OSError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(it.to_json())
    partial.replace(path)
