"""``pcm resume``: go on with a run from its directory alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pcm.cli.verbs import AsJson, Engine, Workers, verb


@verb
def command(
    *,
    directory: Annotated[Path, typer.Argument(help="The run's directory.")],
    engine: Engine = None,
    workers: Workers = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try failed items again, too.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Go on with a run: exactly its missing items are computed."""
    from pcm.cli.conduct import carry_out

    return carry_out(
        engine or "local",
        workers,
        lambda manager: manager.resume(directory, retry_failed=retry_failed),
        as_json=as_json,
    )
