"""Files as their manager would announce them, and in a worker's file cache."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from workers.protocol import FileState, StagedFile, Tree
from workers.staging.errors import StagingError
from workers.staging.room import RESERVE_BYTES
from workers.staging.store import Store

MODIFIED_NS = 1_700_000_000_123_456_789
NOWHERE = "/no/such/folder/model"


def digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def staged(content: bytes, name: str = "weights", modified_ns: int = MODIFIED_NS) -> StagedFile:
    return StagedFile(name, len(content), digest(content), modified_ns)


def tree(
    contents: Mapping[str, bytes], argument: int | str = 0, path: str = NOWHERE, **fields: Any
) -> Tree:
    files = tuple(staged(content, name) for name, content in contents.items())
    return Tree(argument, path, files, **fields)


CONTENT = b"the weights"
MISSING = tree({"weights": CONTENT})
WANTED = FileState(digest(CONTENT), "wanted")
WHOLE = FileState(digest(CONTENT), "whole")


def fill(cache: Path, content: bytes) -> None:
    """A file with this content is whole in the cache."""
    store = Store(str(cache))
    file = staged(content)
    store.take(file)
    assert store.append(file, 0, content) == "whole"
    store.close()


def can_be_removed(cache: Path) -> bool:
    """Whether a worker that needs room may take that of the file with ``CONTENT``, and has."""
    neighbour = Store(str(cache), free=lambda _: RESERVE_BYTES)
    with pytest.raises(StagingError, match="is full"):
        neighbour.make_room(1)  # What goes makes none, as this neighbour sees it.
    neighbour.close()
    return not (cache / "files" / digest(CONTENT)).exists()
