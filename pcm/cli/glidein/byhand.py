"""Glideins that a person submits for a manager that is at work on a run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pcm.cli.glidein.naming import BY_HAND, name_by_hand
from pcm.cli.supply import supply_as_begun
from pcm.errors import InputError

if TYPE_CHECKING:
    from condor import Glideins
    from condor.invitation import Invitation


LONGEST_WAIT_SECONDS = 86400.0
"""How long such jobs wait in the queue, unless another time is given."""


class Offer(NamedTuple):
    """What such jobs need to know: ``run`` is the name that HTCondor knows them by."""

    invitation: Invitation
    run: str
    folder: Path

    @classmethod
    def of(cls, directory: Path) -> Offer:
        """Raises InputError if no manager is at work there that takes workers from outside."""
        from condor.invitation import Invitation
        from pcm.cli.whereabouts import find
        from pcm.engines import invitation

        directory = directory.absolute()
        found = find(str(directory), None, False)
        note = invitation.read(directory)
        assert note is not None
        host = supply_as_begun(directory).host or note.hosts[0]
        address, password = f"{host}:{note.port}", Path(found.password_file)
        return cls(
            Invitation(address, password, found.ssl),
            name_by_hand(directory, make=True),
            directory / BY_HAND,
        )

    def describe(
        self, glideins: Glideins, wait_seconds: float = LONGEST_WAIT_SECONDS
    ) -> dict[str, str]:
        """Submit commands by name, for jobs that leave the queue when they have waited in it for
        so long: nobody takes them off it where their manager has no schedd."""
        from condor.description import describe

        commands = describe(glideins, self.invitation, self.run, self.folder)
        waits = f"(JobStatus == 1) && (time() - EnteredCurrentStatus > {math.ceil(wait_seconds)})"
        commands["periodic_remove"] = f"({commands['periodic_remove']}) || ({waits})"
        return commands

    def lay_out(self) -> None:
        """Write the files that the jobs are sent. Raises InputError."""
        from condor.materials import lay_out

        lay_out(self.folder, self.invitation)


def classes_of_run(directory: Path) -> tuple[Glideins, ...]:
    """Those that the run was begun with. Raises InputError, also if there were none."""
    classes = supply_as_begun(directory).glideins
    if not classes:
        raise InputError(
            "was begun without glideins",
            file=str(directory),
            mend="name a run file that declares some: --from FILE.yaml",
        )
    return classes
