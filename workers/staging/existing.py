"""Files that a worker has already, where its manager has them or in its own hub cache."""

from __future__ import annotations

import os
from pathlib import Path

from workers.protocol import StagedFile, Tree
from workers.staging.contents import names_below
from workers.staging.hashing import Stop, digest_of
from workers.staging.hub_cache import hub_folder


def same_path(tree: Tree, stop: Stop) -> dict[str, str]:
    """Files of the tree that are there under its own path as they are beside the manager, by name.

    A file is the same if its size and time are; or else its size and content. A directory that
    holds other files as well is not the same: what is loaded might depend on them. Raises Stopped.
    """
    folder = os.path.dirname(tree.path) if tree.is_file else tree.path
    if not tree.is_file and not tree.hub:
        announced = {file.name for file in tree.files}
        if any(name not in announced for name in names_below(folder)):
            return {}
    found = {}
    for file in tree.files:
        path = tree.path if tree.is_file else os.path.join(folder, file.name)
        if _is_same(path, file, stop):
            found[file.name] = path
    return found


def hub_snapshot(tree: Tree) -> Path | None:
    """The folder in this machine's hub cache with all files of the tree's commit, if it is there.

    A snapshot is of one commit for ever, so names and sizes tell enough.
    """
    if not tree.hub or not tree.commit:
        return None
    snapshot = hub_folder(tree.hub) / "snapshots" / tree.commit
    for file in tree.files:
        try:
            if (snapshot / file.name).stat().st_size != file.size_bytes:
                return None
        except OSError:
            return None
    return snapshot


def is_referred_to(tree: Tree) -> bool:
    """Whether a name in the hub cache, such as ``main``, stands for the tree's commit; the hub's
    library would else look for another commit under the model's name."""
    refs = hub_folder(tree.hub) / "refs"
    try:
        return any(
            ref.is_file() and ref.read_text().strip() == tree.commit for ref in refs.rglob("*")
        )
    except (OSError, UnicodeDecodeError):
        return False


def _is_same(path: str, file: StagedFile, stop: Stop) -> bool:
    try:
        status = os.stat(path)
        if not os.path.isfile(path) or status.st_size != file.size_bytes:
            return False
        if status.st_mtime_ns == file.modified_ns:
            return os.access(path, os.R_OK)
        with open(path, "rb", 0) as opened:
            return digest_of(opened, stop) == file.digest
    except OSError:
        return False
