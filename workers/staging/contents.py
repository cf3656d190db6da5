"""Which files of a directory count, for the content hash of a tree and for finding it again."""

from __future__ import annotations

import os
from collections.abc import Iterator


def names_below(folder: str | os.PathLike[str]) -> Iterator[str]:
    """Files that count, by their names relative to the folder, in no order to rely on.

    Hidden files and ``__pycache__`` do not count; links are followed, each directory once.
    """
    walked: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in walked:  # a link back up
            folders.clear()
            continue
        walked.add(real)
        folders[:] = sorted(name for name in folders if name[0] != "." and name != "__pycache__")
        for name in files:
            path = os.path.join(place, name)
            # A broken link is kept: reading it reports what is missing.
            if name[0] != "." and (os.path.isfile(path) or not os.path.exists(path)):
                yield os.path.relpath(path, folder)
