"""Directories of links, in which loaders find files that lie in several places."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Mapping

from workers.protocol import Tree
from workers.staging.errors import StagingError

_DIGEST = re.compile(r"[0-9a-f]{32}")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LATEST_NS = 1 << 62


def check(tree: Tree) -> None:
    """Raises StagingError for what could lead out of our directories, or is no tree at all."""
    names = [file.name for file in tree.files]
    if not names or len(set(names)) != len(names) or (tree.is_file and len(names) != 1):
        raise StagingError(f"the files of {tree.path} are not those of a directory or a file")
    if not os.path.isabs(tree.path) or "\0" in tree.path:
        raise StagingError(f"{tree.path!r} is no absolute path")
    if tree.hub and not (_HUB_ID.fullmatch(tree.hub) and _COMMIT.fullmatch(tree.commit)):
        raise StagingError(f"{tree.hub!r} at {tree.commit!r} is no model of a hub")
    for file in tree.files:
        parts = file.name.split("/")
        if "\0" in file.name or not {"", ".", ".."}.isdisjoint(parts):
            raise StagingError(f"the name {file.name!r} in {tree.path} leads out of it")
        if not _DIGEST.fullmatch(file.digest):
            raise StagingError(f"{file.digest!r} is no hash of {file.name} in {tree.path}")
        if file.size_bytes < 0 or not 0 <= file.modified_ns < _LATEST_NS:
            raise StagingError(f"{file.name} in {tree.path} has no size or time that can be")


def place(trees: str, tree: Tree, where: Mapping[str, str]) -> str:
    """A path in the directory ``trees`` that stands for the tree: of its directory, or of its file.

    ``where`` tells the file of each name. The same files under the same names have the same place,
    which several workers may use and mend at the same time. Raises OSError, and StagingError for
    names that are both file and directory.
    """
    links = {file.name: where[file.name] for file in tree.files}
    folder = os.path.join(trees, _identity(links))
    try:
        for name, target in links.items():
            _link(os.path.join(folder, name), target)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise StagingError(f"{tree.path} cannot be laid out as a directory: {error}") from error
    return os.path.join(folder, tree.files[0].name) if tree.is_file else folder


def _identity(links: Mapping[str, str]) -> str:
    text = "\0".join(f"{name}\0{target}" for name, target in sorted(links.items()))
    return hashlib.blake2b(os.fsencode(text), digest_size=16).hexdigest()


def _link(path: str, target: str) -> None:
    with contextlib.suppress(OSError):
        if os.readlink(path) == target:
            return
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    draft = f"{path}.{os.getpid()}.{secrets.token_hex(4)}"
    os.symlink(target, draft)
    try:
        os.replace(draft, path)
    except OSError:
        os.unlink(draft)
        raise
