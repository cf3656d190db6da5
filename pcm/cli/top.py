"""``pcm top``: the essentials of runs in a terminal, redrawn each second."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pcm.cli import exits
from pcm.cli.verbs import verb


@verb
def command(
    *,
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Runs.")],
    once: Annotated[
        bool, typer.Option("--once", help="Print it once; so it is where stdout is no terminal.")
    ] = False,
) -> int:
    """How runs go, in a terminal: live ones and such as are over. Disturbs nothing."""
    from pcm.top import watch

    watch(directories, once=once)
    return exits.SUCCEEDED
