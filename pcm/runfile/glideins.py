"""The glideins that a run file declares, checked before anything starts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pcm.errors import InputError
from pcm.runfile.blame import blaming
from pcm.runfile.document import Document
from pcm.runfile.document import Path as At
from pcm.runfile.shape import RunFile

if TYPE_CHECKING:
    from condor import Glideins

ENGINE = "taskvine"


def glideins_of(run_file: RunFile, document: Document, base: Path) -> tuple[Glideins, ...]:
    """The classes, in their order. Raises InputError with the line and the field that is to blame,
    EngineError if this Python has no bindings of HTCondor."""
    if not run_file.glideins:
        for field in ("home", "host"):
            if getattr(run_file, field):
                raise document.error((field,), "goes with glideins", "add some, or leave it out")
        return ()
    if run_file.carrier != ENGINE:
        problem = f"is {run_file.engine}, which takes no glideins"
        raise document.error(("engine",), problem, f"write {ENGINE}, or leave it out")
    _check_names(run_file, document)
    return tuple(
        _class(declared.model_dump(), ("glideins", index), document, base)
        for index, declared in enumerate(run_file.glideins)
    )


def _check_names(run_file: RunFile, document: Document) -> None:
    names = [declared.name for declared in run_file.glideins]
    for index, name in enumerate(names):
        if name in names[:index]:
            at = ("glideins", index, "name")
            raise document.error(at, f"another class is {name!r}", "rename one")


def _class(fields: dict[str, Any], at: At, document: Document, base: Path) -> Glideins:
    from condor import Glideins
    from condor.expressions import check

    if fields["archive"]:
        fields["archive"] = os.path.normpath(base / Path(fields["archive"]).expanduser())
    image = base / Path(fields["image"]).expanduser()
    if fields["image"].endswith(".sif") and image.is_file():  # Else it is one on the nodes.
        fields["image"] = os.path.normpath(image)
    try:
        glideins = Glideins(**fields)
        check(glideins)
    except InputError as error:
        inside = _blamed(at, error.field, document)
        error.field = error.field.rpartition(": ")[2]  # As ``blaming`` knows it.
        with blaming(document, inside):
            raise
    return glideins


def _blamed(at: At, field: str, document: Document) -> At:
    """``attributes: NAME`` is one of several; what is not written in the file has a default."""
    inside = (*at, *field.split(": "))
    return inside if inside in document.lines else at
