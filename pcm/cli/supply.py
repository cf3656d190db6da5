"""The glideins that a run takes, as told now or as it was begun."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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

    def trusted(self) -> Supply:
        """Not asking again whether the pool has such machines: some may only be off now."""
        classes = (dataclasses.replace(one, check_match=False) for one in self.glideins)
        return self._replace(glideins=tuple(classes))


def supply_as_begun(directory: Path) -> Supply:
    """What the run in the directory was begun with. Its home is where it was, or, if that is not
    there any more, in the directory, which may have been moved.

    Raises InputError if the directory holds no run, or what a class needs is not there any more.
    """
    from condor import Glideins
    from pcm.journal import JournalReader

    with JournalReader(directory) as reader:
        options = reader.manifest.options
    home = Path(options.get("home") or HOME)
    return Supply(
        tuple(Glideins(**fields) for fields in options.get("glideins", ())),
        home if home.is_absolute() and home.is_dir() else None,
        options.get("host", ""),
    )
