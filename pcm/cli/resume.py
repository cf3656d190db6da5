"""``pcm resume``: go on with a run from its directory alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pcm.cli.verbs import AsJson, Dashboard, Engine, Listen, PasswordFile, Ssl, Workers, verb


@verb
def command(
    *,
    directory: Annotated[Path, typer.Argument(help="The run's directory.")],
    engine: Engine = None,
    workers: Workers = None,
    listen: Listen = None,
    password_file: PasswordFile = None,
    ssl: Ssl = False,
    dashboard: Dashboard = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try failed items again, too.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Go on with a run: exactly its missing items are computed. The engine is that with which the
    run was begun, unless another is named."""
    from pcm.cli.choice import as_begun, chosen, given_options
    from pcm.cli.conduct import carry_out
    from pcm.cli.served import wish
    from pcm.cli.supply import supply_as_begun

    options = given_options(listen, password_file, ssl)
    begun = as_begun(directory)
    wished = wish(dashboard)
    choice = chosen(engine, options, begun.engine, begun.engine_options)
    choice = choice._replace(telemetry=begun.telemetry)
    return carry_out(
        choice,
        workers,
        directory,
        lambda manager: manager.resume(directory, retry_failed=retry_failed),
        supply=supply_as_begun(directory).trusted() if choice.engine == begun.engine else None,
        dashboard=wished,
        as_json=as_json,
    )
