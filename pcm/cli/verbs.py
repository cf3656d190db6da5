"""What all verbs have in common: errors become a few plain lines and an exit code."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from pcm.cli import exits
from pcm.errors import InputError, PcmError

AsJson = Annotated[
    bool, typer.Option("--json", help="One JSON object on the last line of stdout, nothing else.")
]
Engine = Annotated[
    str | None, typer.Option(help="What carries the work to workers: local or taskvine.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="How many workers to start here; else one per GPU, or per eight cores without, at"
        " least one; with --listen none.",
    ),
]
Listen = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65535,
        metavar="PORT",
        help="taskvine: the port for workers from outside (see pcm worker).",
    ),
]
PasswordFile = Annotated[
    Path | None,
    typer.Option(help="taskvine: what workers must know to join; else it is made up."),
]
Dashboard = Annotated[
    str | None,
    typer.Option(
        metavar="on|off|PORT|ADDRESS:PORT",
        help="Where its page is served: on (the default), any free port of this machine's own.",
    ),
]
Ssl = Annotated[bool, typer.Option("--ssl", help="taskvine: encrypt what goes to workers.")]


def verb(function: Callable[..., int]) -> Callable[..., None]:
    """Make a typer command of a function that gives its exit code.

    InputError ends in exit code 2, other PcmErrors in 1, both without a traceback of ours; with
    ``as_json`` the message is on stdout as a JSON object too. Other errors are bugs and show all.
    """

    @functools.wraps(function)
    def command(*args: Any, **options: Any) -> None:
        try:
            code = function(*args, **options)
        except KeyboardInterrupt:
            typer.echo("interrupted before anything was started", err=True)
            code = exits.INTERRUPTED
        except PcmError as error:
            code = exits.BAD_INPUT if isinstance(error, InputError) else exits.RUN_FAILED
            complain(error)
            if options.get("as_json"):
                emit({"error": str(error), "exit_code": code})
        raise typer.Exit(code)

    return command


def complain(error: PcmError) -> None:
    """The error on stderr; after the traceback of the user's code, where that is the cause."""
    trace: str = getattr(error, "traceback", "")
    if trace and trace not in str(error):
        typer.echo(trace.rstrip(), err=True)
    typer.echo(f"error: {error}", err=True)


def emit(answer: dict[str, Any]) -> None:
    """One JSON object on one line of stdout."""
    typer.echo(json.dumps(answer))
