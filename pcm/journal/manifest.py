"""What a run is: its task, its context and its outputs, and how two such runs differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from pcm.errors import JournalError
from pcm.formats import Output
from pcm.formats.atomic import atomic_file
from pcm.identity import Identity

MANIFEST_FILE = "run.json"
MANIFEST_FORMAT = 1


class Manifest(msgspec.Struct, frozen=True):
    """A run's description. The journal keeps it; ``DIR/run.json`` is a copy for people.

    ``created``: unix seconds. ``items`` and ``items_digest`` (over keys and contents, in order) are
    filled in when all items are there.
    """

    format: int
    run: str
    name: str
    created: float
    pcm: str
    key_name: str
    task: Identity
    context: Identity
    requirements: dict[str, Any]
    options: dict[str, Any]
    outputs: list[Output]
    items: int = 0
    items_digest: str = ""


def changes(old: Manifest, new: Manifest) -> list[str]:
    """How the new run differs from the stored one, a line per difference; [] if not at all.

    Only what decides about results is compared: options, outputs and requirements may differ. Items
    are compared by ``Journal.check_items``.
    """
    lines = _identity_changes("task", old.task, new.task)
    lines += _identity_changes("context", old.context, new.context)
    if old.key_name != new.key_name:
        lines.append(f"the key was {old.key_name!r} and is now {new.key_name!r}")
    return lines


def _identity_changes(role: str, old: Identity, new: Identity) -> list[str]:
    if old.name != new.name:
        return [f"the {role} was {old.name} and is now {new.name}"]
    return [
        f"{role} {new.name}: {change}"
        for change in new.changes_since(old)
        if not change.startswith("requirement ")
    ]


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write ``run.json`` whole or not at all. Raises JournalError."""
    path = directory / MANIFEST_FILE
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    try:
        with atomic_file(path) as file:
            file.write(text + b"\n")
    except OSError as error:
        raise JournalError(
            f"{path}: {error.strerror}; free some space, then start again"
        ) from error
