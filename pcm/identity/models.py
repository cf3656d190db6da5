"""What a loader's argument like ``model`` stands for: files on this machine, or a hub model."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from pcm.errors import InputError
from workers.staging.hub_cache import hub_folder

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".h5", ".msgpack", ".ckpt")


def local_path(argument: object, *, field: str) -> Path | None:
    """The absolute path that an argument names; None if it is no path but may be a hub id.

    Raises InputError if it names a path that is not there.
    """
    if not isinstance(argument, str | os.PathLike):
        return None
    text = os.fspath(argument)
    if not isinstance(text, str) or not text or "\0" in text:
        raise InputError(f"{text!r} is not a path", field=field, mend="give a path as text")
    path = Path(os.path.abspath(os.path.expanduser(text)))
    if path.is_file() or path.is_dir():
        return path
    named_as_path = isinstance(argument, os.PathLike) or text.startswith((".", "/", "~"))
    typo = "/" in text and Path(text).parent.is_dir() and not hub_folder(text).is_dir()
    if named_as_path or typo or not is_hub_id(text):
        raise InputError(
            f"there is no file or directory {text}",
            field=field,
            mend=f"give an existing path (looked in {path.parent}) or a model id like ORG/NAME",
        )
    return None


def is_hub_id(text: str) -> bool:
    """Whether a text has the form NAME or ORG/NAME."""
    return len(text) <= 96 and _HUB_ID.fullmatch(text) is not None


def hub_commit(model: str, revision: str) -> str | None:
    """The commit that a hub model's revision stands for in this machine's hub cache, if there."""
    if _COMMIT.fullmatch(revision):
        return revision
    try:
        commit = (hub_folder(model) / "refs" / revision).read_text().strip()
    except (OSError, UnicodeDecodeError, ValueError):
        return None
    return commit if _COMMIT.fullmatch(commit) else None


def hub_snapshot(model: str, commit: str) -> Path | None:
    """The folder of a hub model's commit in this machine's hub cache, if a whole model is there.

    A model of which only some files were ever asked for is not whole: it has no weights, or not all
    that an index of them names.
    """
    snapshot = hub_folder(model) / "snapshots" / commit
    try:
        weights = [path for path in snapshot.rglob("*") if path.suffix in _WEIGHTS]
        if not weights or not all(path.is_file() for path in weights):
            return None
        for index in snapshot.rglob("*.index.json"):
            named = json.loads(index.read_text())["weight_map"].values()
            if not all((index.parent / name).is_file() for name in named):
                return None
    except (OSError, ValueError, LookupError, AttributeError, TypeError):
        return None
    return snapshot
