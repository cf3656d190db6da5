"""``pcm report``: what a run's time went into, per worker and context, and what went wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pcm.cli import exits
from pcm.cli.documents import write_document
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
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the whole story as one page, with plots, that needs no net."
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """What a run's time went into, and what went wrong."""
    from pcm.cli.failures import described, failures
    from pcm.journal import JournalReader
    from pcm.report import account

    if as_json or html is not None:
        return _told(directory, html, replay=replay, as_json=as_json)
    with JournalReader(directory) as reader:
        accounts = account(reader)
        failed = failures(reader)
        prediction = _predicted(reader) if replay else None
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


def _told(directory: Path, html: Path | None, *, replay: bool, as_json: bool) -> int:
    """The whole story, as JSON, as a page, or both."""
    import msgspec

    from pcm.journal import JournalReader
    from pcm.report.story import tell

    with JournalReader(directory) as reader:
        story, history = tell(reader)
        prediction = _predicted(reader) if replay else None
    if html is not None:
        from pcm.report.html import page

        write_document("report", html, page(story, history).encode())
    if as_json:
        simulated = {} if prediction is None else {"replay": msgspec.to_builtins(prediction)}
        emit(story.to_dict() | simulated)
    else:
        typer.echo(f"report: {html}")
        if prediction is not None:
            typer.echo(str(prediction))
    return exits.SUCCEEDED


def _predicted(reader: JournalReader) -> Prediction:
    """The simulator is needed by this alone."""
    from pcm.report.replay import predict

    return predict(reader)
