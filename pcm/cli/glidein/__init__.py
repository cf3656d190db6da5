"""``pcm glidein``: a person's view of the HTCondor jobs that start workers, and hand on them."""

from __future__ import annotations

import typer

from pcm.cli.glidein import remove, show, status, submit

app = typer.Typer(
    help="HTCondor jobs that start workers: what would be submitted, what there is; by hand.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

for name, module in (("show", show), ("status", status), ("submit", submit), ("remove", remove)):
    app.command(name)(module.command)
