"""``pcm report``: what a run's time went into, per worker and context, and what went wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pcm.cli import exits
from pcm.cli.verbs import AsJson, emit, verb

SHOWN_FAILURES = 10


@verb
def command(
    *,
    directory: Annotated[Path, typer.Argument(help="The run's directory.")],
    as_json: AsJson = False,
) -> int:
    """What a run's time went into, and what went wrong."""
    import msgspec

    from pcm.cli.failures import described, failures
    from pcm.journal import JournalReader
    from pcm.report import account

    with JournalReader(directory) as reader:
        accounts = account(reader)
        failed = failures(reader)
    if as_json:
        emit(accounts.to_dict() | {"failures": msgspec.to_builtins(failed)})
        return exits.SUCCEEDED
    from pcm.report.text import render

    render(accounts)
    if failed:
        typer.echo("\nFailures")
    for failure in failed[:SHOWN_FAILURES]:
        typer.echo(described(failure, with_traceback=True))
    if len(failed) > SHOWN_FAILURES:
        typer.echo(f"and {len(failed) - SHOWN_FAILURES} other kinds; --json shows all")
    return exits.SUCCEEDED
