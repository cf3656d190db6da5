"""Which runs jobs belong to: the names by which HTCondor knows them, from a run's directory."""

from __future__ import annotations

import secrets
from pathlib import Path

from pcm.cli.supply import supply_as_begun
from pcm.errors import InputError

BY_HAND = "glideins"
"""In the run's directory: files of glideins that a person submits."""
_ID = "id"


def places_of(directory: Path) -> list[tuple[str, str]]:
    """Names of collector and schedd of a run's classes, each pair once; empty: this machine's.

    Raises InputError if the directory holds no run."""
    classes = supply_as_begun(directory).glideins
    return list(dict.fromkeys((one.collector, one.schedd) for one in classes)) or [("", "")]


def name_of_manager(directory: Path) -> str:
    """Of the glideins that the run's manager submits; empty if it never had any."""
    from pcm.manager.home import ID_FILE

    return _read(supply_as_begun(directory).home_of(directory) / ID_FILE)


def name_by_hand(directory: Path, *, make: bool = False) -> str:
    """Of the glideins that a person submitted for a run; empty if nobody did, unless it is to be
    made. Raises InputError if it cannot be."""
    path = directory / BY_HAND / _ID
    name = _read(path)
    if name or not make:
        return name
    name = secrets.token_hex(8)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(name + "\n", encoding="ascii")
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise InputError(problem, file=str(path), mend="see that you may write there") from error
    return name


def names_of(directory: Path) -> list[str]:
    """All of them. Raises InputError if the directory holds no run."""
    return [name for name in (name_of_manager(directory), name_by_hand(directory)) if name]


def folders_of(directory: Path) -> list[Path]:
    """Where the files of its glideins lie. Raises InputError if the directory holds no run."""
    from pcm.manager.home import GLIDEINS_FOLDER

    home = supply_as_begun(directory).home_of(directory)
    return [home / GLIDEINS_FOLDER, directory.absolute() / BY_HAND]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
