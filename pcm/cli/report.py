"""``pcm report``: what a run's time went into, per worker and context, and what went wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pcm.cli import exits
from pcm.cli.verbs import AsJson, emit, verb

if TYPE_CHECKING:
    from pcm.journal import JournalReader
    from pcm.report.replay import Prediction

SHOWN_FAILURES = 10


@verb
def command(
    *,
    directory: Annotated[Path, typer.Argument(help="The run's directory.")],
    replay: Annotated[
        bool, typer.Option("--replay", help="Also simulate the run, and compare how long it took.")
    ] = False,
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
        prediction = _predicted(reader) if replay else None
    if as_json:
        simulated = {} if prediction is None else {"replay": msgspec.to_builtins(prediction)}
        emit(accounts.to_dict() | {"failures": msgspec.to_builtins(failed)} | simulated)
        return exits.SUCCEEDED
    from pcm.report.text import render

    render(accounts)
    if prediction is not None:
        typer.echo(f"\n{prediction}")
    if failed:
        typer.echo("\nFailures")
    for failure in failed[:SHOWN_FAILURES]:
        typer.echo(described(failure, with_traceback=True))
    if len(failed) > SHOWN_FAILURES:
        typer.echo(f"and {len(failed) - SHOWN_FAILURES} other kinds; --json shows all")
    return exits.SUCCEEDED


def _predicted(reader: JournalReader) -> Prediction:
    """The simulator is needed by this alone."""
    from pcm.report.replay import predict

    return predict(reader)
