"""The directory of a store: where it is, and that it is ours alone."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable

from workers.staging.errors import StagingError

CACHE_VARIABLE = "PCM_CACHE"
NEVER_SHARED_VARIABLE = "PCM_NEVER_SHARED"
FOLDERS = ("files", "parts", "notes", "locks", "trees")
MEND = "give the worker another directory, one of your own on a local disk, with --cache"


def default_directory() -> str:
    """What the environment names, or one per user below the temporary folder."""
    named = os.environ.get(CACHE_VARIABLE)
    return named or os.path.join(tempfile.gettempdir(), f"pcm-cache-{os.getuid()}")


def prepare(directory: str, folders: Iterable[str] = FOLDERS) -> None:
    """Make it and its folders, private to this user.

    Raises StagingError if it cannot be made, is another user's, or can be written by others.
    """
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        _check(directory)
        for folder in folders:
            path = os.path.join(directory, folder)
            os.makedirs(path, mode=0o700, exist_ok=True)
            _check(path)
    except OSError as error:
        reason = error.strerror or error
        raise StagingError(f"the cache {directory} cannot be used: {reason}; {MEND}") from error


def _check(path: str) -> None:
    link, status = os.lstat(path), os.stat(path)
    # Below a common temporary folder anybody may have made the name before us.
    if status.st_uid != os.getuid() or link.st_uid not in (os.getuid(), 0):
        raise StagingError(f"the cache {path} belongs to another user ({status.st_uid}); {MEND}")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StagingError(
            f"the cache {path} can be written by other users (mode {status.st_mode & 0o777:o}):"
            f" they could change what is run here; take that away with chmod go-w, or {MEND}"
        )
