"""Files as their manager would announce them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from workers.protocol import StagedFile, Tree

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
