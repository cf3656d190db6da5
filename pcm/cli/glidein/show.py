"""``pcm glidein show``: the submit descriptions, to read or for ``condor_submit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pcm.cli import exits
from pcm.cli.glidein.options import ClassName, chosen_classes
from pcm.cli.verbs import verb

if TYPE_CHECKING:
    from condor import Glideins

PLACEHOLDERS = """\
# MANAGER_HOST:PORT, RUN and DIRECTORY stand for what is known once a manager is at work:
#   pcm glidein show RUN_DIRECTORY     then prints this with all filled in, and
#   pcm glidein submit RUN_DIRECTORY 1 submits it."""
LAID_OUT = "# Usable as it is, while that manager is at work: condor_submit THIS_FILE"


@verb
def command(
    *,
    where: Annotated[
        Path, typer.Argument(metavar="FILE.yaml|RUN_DIR", help="A run file, or a run's directory.")
    ],
    class_name: ClassName = None,
) -> int:
    """Print the submit description of each class of glideins, as condor_submit takes it. Of a run
    whose manager is at work: all filled in, and the files that it names are laid out."""
    if where.is_dir():
        from pcm.cli.glidein.byhand import Offer, classes_of_run

        offer = Offer.of(where)
        for glideins in chosen_classes(classes_of_run(where), class_name):
            _show(glideins, offer.describe(glideins), LAID_OUT)
        offer.lay_out()
        return exits.SUCCEEDED
    for glideins in chosen_classes(classes_of_file(where), class_name):
        _show(glideins, _draft(glideins), PLACEHOLDERS)
    return exits.SUCCEEDED


def classes_of_file(file: Path) -> tuple[Glideins, ...]:
    """Those that a run file declares. Raises InputError, also if it declares none."""
    from pcm.runfile import read
    from pcm.runfile.glideins import glideins_of

    run_file, document = read(file)
    classes = glideins_of(run_file, document, file.absolute().parent)
    if not classes:
        raise document.error((), "declares no glideins", "add the field glideins")
    return classes


def _draft(glideins: Glideins) -> dict[str, str]:
    from condor.description import describe
    from condor.invitation import Invitation

    invitation = Invitation("MANAGER_HOST:PORT", Path("unknown"))
    return describe(glideins, invitation, "RUN", Path("DIRECTORY"))


def _show(glideins: Glideins, commands: dict[str, str], remark: str) -> None:
    from condor.description import text

    typer.echo(f"# Glideins of class {glideins.name}, {glideins.most} at most.")
    typer.echo(remark)
    typer.echo(text(commands, 1))
