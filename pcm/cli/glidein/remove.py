"""``pcm glidein remove``: take leftover glideins off the queue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pcm.cli import exits
from pcm.cli.glidein.jobs import REMOVED, jobs_at, places_and_names, schedd
from pcm.cli.glidein.naming import folders_of, name_of_manager
from pcm.cli.glidein.options import Collector, Schedd
from pcm.cli.verbs import AsJson, emit, verb
from pcm.durations import counted
from pcm.errors import InputError

if TYPE_CHECKING:
    from condor.client import Client

REASON = "removed by pcm glidein remove"


@verb
def command(
    *,
    directory: Annotated[Path | None, typer.Argument(help="A run's directory.")] = None,
    all_runs: Annotated[bool, typer.Option("--all", help="Those of all runs.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Do not wait for machines that do not answer."),
    ] = False,
    collector: Collector = "",
    schedd_name: Schedd = "",
    as_json: AsJson = False,
) -> int:
    """Remove glideins that a run has left behind, or those of all runs. Ones that work return what
    they have finished before they leave."""
    if (directory is None) != all_runs:
        raise InputError("name a run's directory, or --all, and not both")
    if directory is not None:
        _check_idle(directory)
    places, names = places_and_names(directory, collector, schedd_name)
    removed = left = 0
    for place in places:
        with schedd(*place) as client:
            here, there = _remove(client, names, force=force)
            removed, left = removed + here, left + there
    if directory is not None and not left:
        _clear(directory)
    if as_json:
        emit({"removed": removed, "leaving": left})
    else:
        typer.echo(f"{counted(removed, 'glidein')} removed" if removed else "nothing to remove")
        if left:
            typer.echo(f"{left} on the way out: see pcm glidein status")
    return exits.SUCCEEDED


def _check_idle(directory: Path) -> None:
    """Raises InputError if a manager would only submit them again."""
    from pcm.journal import owner

    if name_of_manager(directory) and owner(directory) is not None:
        raise InputError(
            "a manager is at work on this run, and would submit new ones",
            file=str(directory),
            mend="end it first: it removes them itself",
        )


def _remove(client: Client, names: list[str] | None, *, force: bool) -> tuple[int, int]:
    """How many were removed, and how many are still there."""
    jobs = jobs_at(client, names)
    live = [job.job for job in jobs if job.status != REMOVED]
    client.remove(live, REASON)
    if force:
        client.remove([job.job for job in jobs], REASON, force=True)
    return len(live), len(jobs_at(client, names))


def _clear(directory: Path) -> None:
    from condor.materials import clear

    for folder in folders_of(directory):
        if folder.is_dir():
            clear(folder)
