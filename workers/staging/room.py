"""Room on the disk of a store: what nobody uses goes, the longest unused first."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Container
from typing import NamedTuple

from workers.staging.errors import StagingError
from workers.staging.locks import Lock

RESERVE_BYTES = 1 << 30
"""Left free for others, and for what loaders write."""

FreeBytes = Callable[[str], int]
"""What is free on the disk of a directory."""


def free_bytes(directory: str) -> int:
    """Of the disk, for users without privileges. Raises OSError."""
    return shutil.disk_usage(directory).free


class Unused(NamedTuple):
    """What could go; ordered by when it was used last."""

    used_at: float
    path: str
    digest: str
    size_bytes: int


def make_room(directory: str, needed_bytes: int, *, held: Container[str], free: FreeBytes) -> None:
    """See that so much can be written, and the reserve be left.

    ``held`` are digests that this process uses. Raises StagingError if there is no way; OSError.
    """
    lacking = needed_bytes + RESERVE_BYTES - free(directory)
    if needed_bytes <= 0 or lacking <= 0:
        return
    unused = sorted(_unused(directory, held))
    if sum(one.size_bytes for one in unused) >= lacking:  # Else nothing goes for nothing.
        gone = False
        for one in unused:
            gone = _remove(directory, one) or gone
            if free(directory) >= needed_bytes + RESERVE_BYTES:
                break
        if gone:
            _remove_broken_trees(os.path.join(directory, "trees"))
    left = free(directory) - RESERVE_BYTES
    if left < needed_bytes:
        raise StagingError(
            f"the disk of the cache {directory} is full: {needed_bytes / 1e9:.2f} GB are needed,"
            f" {max(left, 0) / 1e9:.2f} GB are free beside a reserve of"
            f" {RESERVE_BYTES / 1e9:.1f} GB, and what is in the cache unused does not make up for"
            " it; give the worker a directory on a larger disk with --cache"
        )


def _unused(directory: str, held: Container[str]) -> list[Unused]:
    """Files and parts that this process does not hold; others may."""
    found = []
    for folder in ("files", "parts"):
        for entry in os.scandir(os.path.join(directory, folder)):
            digest = entry.name.partition(".")[0]
            if digest in held:
                continue
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                used_at = status.st_mtime
                if folder == "files":
                    # Its own time is that of its content; the note's is of its use.
                    used_at = _changed_at(os.path.join(directory, "notes", digest))
                found.append(Unused(used_at, entry.path, digest, status.st_size))
    return found


def _changed_at(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _remove(directory: str, one: Unused) -> bool:
    """Unless a neighbour holds it."""
    lock = Lock(os.path.join(directory, "locks", one.digest))
    try:
        if not lock.exclusive():
            return False
        with contextlib.suppress(FileNotFoundError):
            os.unlink(one.path)
        return True
    finally:
        lock.close()


def _remove_broken_trees(trees: str) -> None:
    """Those of files that are gone; whoever uses one holds all its files."""
    for tree in os.scandir(trees):
        for place, _, names in os.walk(tree.path):
            if any(not os.path.exists(os.path.join(place, name)) for name in names):
                shutil.rmtree(tree.path, ignore_errors=True)
                break
