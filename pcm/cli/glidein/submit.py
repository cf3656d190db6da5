"""``pcm glidein submit``: so many glideins by hand, for a manager that is at work on a run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pcm.cli import exits
from pcm.cli.glidein.jobs import schedd
from pcm.cli.glidein.options import ClassName, chosen_classes
from pcm.cli.verbs import AsJson, emit, verb
from pcm.durations import duration
from pcm.errors import InputError

if TYPE_CHECKING:
    from condor import Glideins
    from condor.client import Client


@verb
def command(
    *,
    directory: Annotated[Path, typer.Argument(help="The directory of a run that goes on.")],
    count: Annotated[int, typer.Argument(min=1, help="How many.")],
    class_name: ClassName = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE.yaml", help="Classes of this run file."),
    ] = None,
    wait: Annotated[
        str, typer.Option(metavar="TIME", help="Leave the queue after waiting so long.")
    ] = "24 h",
    as_json: AsJson = False,
) -> int:
    """Submit glideins for a manager that is at work, beside those that it submits itself. They
    leave when it has no use for them, with the run's end, or some minutes after it is gone."""
    from condor.times import parse_seconds
    from pcm.cli.glidein.byhand import Offer, classes_of_run
    from pcm.cli.glidein.naming import note_place
    from pcm.cli.glidein.show import classes_of_file

    wait_seconds = parse_seconds(wait, field="--wait")

    offer = Offer.of(directory)
    classes = classes_of_run(directory) if source is None else classes_of_file(source)
    found = chosen_classes(classes, class_name)
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise InputError(f"there are several: {names}", field="--class", mend="name one")
    glideins = found[0]
    with schedd(glideins.collector, glideins.schedd) as client:
        _check(client, glideins)
        offer.lay_out()
        note_place(directory, glideins.collector, glideins.schedd)
        ids = client.submit(offer.describe(glideins, wait_seconds), count)
    jobs = [f"{cluster}.{proc}" for cluster, proc in ids]
    if as_json:
        emit({"class": glideins.name, "run": offer.run, "jobs": jobs})
    else:
        where = shlex.quote(str(directory.absolute()))
        typer.echo(f"class {glideins.name}: submitted {', '.join(jobs)}")
        typer.echo(f"how they stand: pcm glidein status {where}")
        typer.echo(f"what they print: {offer.folder / 'output'}")
        typer.echo(
            "they are taken off the queue when the pcm command that works on the run ends; else"
            f" running ones leave {duration(offer.invitation.patience_seconds)} after their manager"
            f" is gone, and ones that wait after {duration(wait_seconds)}"
        )
    return exits.SUCCEEDED


def _check(client: Client, glideins: Glideins) -> None:
    """Raises InputError if the pool has machines, and none for this class."""
    from condor.faults import CondorError
    from condor.matching import demand
    from condor.prospects import MATCH_MEND

    if not glideins.check_match:
        return
    try:
        match = client.match(demand(glideins))
    except CondorError:  # Whether the schedd takes jobs is another question.
        return
    if match.total and not match.matching:
        raise InputError(match.text, field=f"class {glideins.name}", mend=MATCH_MEND)
