"""Plans and profiles of heads in files."""

from __future__ import annotations

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
