"""Options that several verbs of ``pcm glidein`` have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pcm.errors import InputError

if TYPE_CHECKING:
    from condor import Glideins

Collector = Annotated[str, typer.Option(help="Another pool than this machine's.")]
Schedd = Annotated[str, typer.Option("--schedd", help="Another schedd than this machine's.")]
ClassName = Annotated[
    str | None, typer.Option("--class", metavar="NAME", help="Only this class of glideins.")
]


def chosen_classes(classes: tuple[Glideins, ...], name: str | None) -> tuple[Glideins, ...]:
    """All, or the one that was asked for. Raises InputError if there is none of that name."""
    found = tuple(one for one in classes if name is None or one.name == name)
    if not found:
        known = ", ".join(one.name for one in classes)
        raise InputError(f"no class is called {name!r}", field="--class", mend=f"there is {known}")
    return found
