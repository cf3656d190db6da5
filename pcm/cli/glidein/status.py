"""``pcm glidein status``: glideins in the queue, by run and class."""

from __future__ import annotations

import dataclasses
import time
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from pcm.cli import exits
from pcm.cli.glidein.jobs import Standing, jobs_at, places_and_names, schedd, standings
from pcm.cli.glidein.options import Collector, Schedd
from pcm.cli.verbs import AsJson, emit, verb
from pcm.durations import duration


@verb
def command(
    *,
    directory: Annotated[
        Path | None, typer.Argument(help="A run's directory; else all runs.")
    ] = None,
    collector: Collector = "",
    schedd_name: Schedd = "",
    as_json: AsJson = False,
) -> int:
    """Glideins in the queue by run and class: queued, running, and held with the reasons."""
    places, names = places_and_names(directory, collector, schedd_name)
    jobs = []
    for place in places:
        with schedd(*place) as client:
            jobs += jobs_at(client, names)
    found = standings(jobs)
    if as_json:
        emit({"classes": [dataclasses.asdict(one) for one in found]})
    elif not found:
        typer.echo("no glideins are in the queue")
    else:
        for _, those in groupby(found, lambda one: one.run):
            _show(list(those), time.time())
    return exits.SUCCEEDED


def _show(classes: list[Standing], now: float) -> None:
    """Those of one run."""
    typer.echo(f"run {classes[0].run}, manager at {classes[0].manager}")
    for one in classes:
        parts = [f"{one.queued} queued", f"{one.running} running"]
        if one.queued_since is not None:
            parts[0] += f" (for {duration(max(0.0, now - one.queued_since))} at most)"
        held = sum(hold.jobs for hold in one.held)
        parts += [f"{held} held"] * bool(held) + [f"{one.leaving} leaving"] * bool(one.leaving)
        typer.echo(f"  {one.name}: {', '.join(parts)}")
        for hold in one.held:
            typer.echo(f"    {hold.jobs} held: {hold.reason}")
            if hold.mend:
                typer.echo(f"      mend: {hold.mend}")
