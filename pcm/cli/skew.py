"""``pcm skew``: which workers are slow, why, and what to do about it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from pcm.cli import exits
from pcm.cli.verbs import AsJson, emit, verb

WATCH_SECONDS = 2.0


@verb
def command(
    *,
    source: Annotated[
        Path, typer.Argument(help="A run's directory, or a recording of telemetry (*.jsonl).")
    ],
    over: Annotated[bool, typer.Option("--all", help="Also findings that are over.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Again every two seconds, until the run has ended.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Findings and skew scores, live or of the past. Works at any time and disturbs nothing."""
    import msgspec

    from pcm.journal import JournalReader, owner
    from pcm.report.skew import lines_of, skew_of
    from pcm.report.skew_recording import skew_of_recording

    if source.is_file():
        story, end = skew_of_recording(source)
        if as_json:
            emit(msgspec.to_builtins(story))
        else:
            typer.echo("\n".join(lines_of(story, end, over=over)))
        return exits.SUCCEEDED
    with JournalReader(source) as reader:
        while True:
            story = skew_of(reader)
            if as_json:
                emit(msgspec.to_builtins(story))
            else:
                typer.echo("\n".join(lines_of(story, time.time(), over=over)))
            if not watch or owner(reader.directory) is None:
                return exits.SUCCEEDED
            try:
                time.sleep(WATCH_SECONDS)
            except KeyboardInterrupt:
                return exits.SUCCEEDED
