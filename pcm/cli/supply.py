"""The glideins that a run takes, as told now or as it was begun."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pcm.errors import InputError

if TYPE_CHECKING:
    from condor import Glideins

HOME = "manager"
"""In the run's directory: what lets a manager find the glideins of one before it."""


class Supply(NamedTuple):
    """Classes of glideins, and what they need of their manager. ``home``: None is ``HOME`` in the
    run's directory, wherever that is then."""

    glideins: tuple[Glideins, ...] = ()
    home: Path | None = None
    host: str = ""

    def home_of(self, directory: Path) -> Path:
        return (self.home or directory / HOME).absolute()

    def record(self) -> dict[str, Any]:
        """For the options of a run; ``supply_as_begun`` reads it."""
        if not self.glideins:
            return {}
        classes = [_fields(one) for one in self.glideins]
        home = None if self.home is None else str(self.home.absolute())
        return {"glideins": classes, "home": home, "host": self.host}


def check_bindings() -> None:
    """Raises InputError if this Python cannot talk to HTCondor: nobody would ever come."""
    if importlib.util.find_spec("htcondor2") is None:
        raise InputError(
            "need HTCondor's bindings, which this Python does not have",
            field="glideins",
            mend="pip install htcondor",
        )


def supply_as_begun(directory: Path) -> Supply:
    """What the run in the directory was begun with. Raises InputError if it holds no run, or what
    a class needs is not there any more."""
    from condor import Glideins
    from pcm.journal import JournalReader

    with JournalReader(directory) as reader:
        options = reader.manifest.options
    home = options.get("home")
    return Supply(
        tuple(Glideins(**fields) for fields in options.get("glideins", ())),
        None if home is None else Path(home),
        options.get("host", ""),
    )


def _fields(glideins: Glideins) -> dict[str, Any]:
    """What was declared, where it is not the default; as JSON has it."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(glideins):
        value = getattr(glideins, field.name)
        empty = field.default_factory is not dataclasses.MISSING and not value
        if not empty and value != field.default:
            found[field.name] = str(value) if isinstance(value, Path) else value
    return found
