"""Which runs jobs belong to: the names by which HTCondor knows them, from a run's directory."""

from __future__ import annotations

import json
import secrets
import socket
from pathlib import Path
from typing import NamedTuple

from pcm.cli.supply import supply_as_begun
from pcm.errors import InputError

BY_HAND = "glideins"
"""In the run's directory: files of glideins that a person submits."""
_ID = "id"
_PLACES = "places.json"


class Place(NamedTuple):
    """A schedd to which a person has submitted glideins of a run. Without a name it is that of the
    machine ``host``, by which alone it can be asked."""

    host: str
    collector: str = ""
    schedd: str = ""


def places_of(directory: Path) -> list[tuple[str, str]]:
    """Names of collector and schedd of a run's classes, and of those by hand as far as they can be
    asked from here, each pair once; empty: this machine's.

    Raises InputError if the directory holds no run."""
    classes = supply_as_begun(directory).glideins
    places = [(one.collector, one.schedd) for one in classes]
    here = socket.gethostname()
    places += [
        (one.collector, one.schedd)
        for one in places_by_hand(directory)
        if one.schedd or one.host == here
    ]
    return list(dict.fromkeys(places)) or [("", "")]


def places_by_hand(directory: Path) -> list[Place]:
    """Where a person has submitted glideins of the run."""
    try:
        written = json.loads((directory / BY_HAND / _PLACES).read_bytes())
        return [Place(*map(str, one)) for one in written]
    except (OSError, ValueError, TypeError):
        return []


def note_place(directory: Path, collector: str, schedd: str) -> None:
    """Write down that glideins are submitted there. Raises InputError if it cannot be."""
    place = Place(socket.gethostname(), collector, schedd)
    present = places_by_hand(directory)
    if place not in present:
        _write(directory / BY_HAND / _PLACES, json.dumps([*present, place]))


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
    _write(path, name)
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


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="ascii")
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise InputError(problem, file=str(path), mend="see that you may write there") from error
