"""The ``pcm`` command and its verbs."""

from __future__ import annotations

from typing import Annotated

import typer

from pcm.cli import (
    actions,
    batch,
    dashboard,
    doctor,
    events,
    glidein,
    plan,
    report,
    resume,
    run,
    skew,
    status,
    top,
    worker,
)

app = typer.Typer(
    name="pcm",
    help="High-throughput LLM inference on GPUs that belong to other people.",
    epilog="Exit codes: 0 all items succeeded; 3 finished with failed items; 2 usage or bad input,"
    " nothing was started; 1 the run failed and can be resumed; 130 interrupted.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        import pcm

        typer.echo(f"pcm {pcm.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


for name, module in (
    ("run", run),
    ("batch", batch),
    ("resume", resume),
    ("worker", worker),
    ("status", status),
    ("report", report),
    ("top", top),
    ("dashboard", dashboard),
    ("events", events),
    ("skew", skew),
    ("plan", plan),
    ("doctor", doctor),
):
    app.command(name)(module.command)
for name, action in (
    ("pause", actions.pause),
    ("unpause", actions.unpause),
    ("cancel", actions.cancel),
    ("retry", actions.retry),
    ("drain", actions.drain),
):
    app.command(name)(action)
app.add_typer(glidein.app, name="glidein")
