"""Glidein jobs as a schedd has them, and together by run and class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pcm.cli.glidein.naming import names_of, places_of

if TYPE_CHECKING:
    from condor.client import Client
    from condor.queue import QueuedJob

REMOVED, COMPLETED, HELD = 3, 4, 5
_QUEUED, _RUNNING = (1,), (2, 6, 7)


@dataclass(frozen=True)
class Hold:
    """Why so many jobs are held, and what may help."""

    reason: str
    mend: str
    jobs: int


@dataclass(frozen=True)
class Standing:
    """The jobs of one class of one run. ``leaving``: removed, and not gone yet.

    ``queued_since``: unix seconds, of the one that waits longest."""

    run: str
    name: str
    manager: str
    queued: int
    running: int
    leaving: int
    held: list[Hold]
    queued_since: float | None


@contextmanager
def schedd(collector: str = "", name: str = "") -> Iterator[Client]:
    """Empty names are this machine's."""
    from condor.client import Client

    with closing(Client(collector, name)) as client:
        yield client


def jobs_at(client: Client, names: Sequence[str] | None) -> list[QueuedJob]:
    """Of the runs with these names; of all if None. Raises CondorError."""
    asked = [""] if names is None else names
    found = [job for name in asked for job in client.jobs(name)]
    return [job for job in found if job.status != COMPLETED]


def places_and_names(
    directory: Path | None, collector: str, name: str
) -> tuple[list[tuple[str, str]], list[str] | None]:
    """Where to look, and for whose jobs. Raises InputError if the directory holds no run."""
    places = [(collector, name)]
    if directory is None:
        return places, None
    if not (collector or name):
        places = places_of(directory)
    return places, names_of(directory)


def standings(jobs: Iterable[QueuedJob]) -> list[Standing]:
    """By run and class, in order."""
    groups: dict[tuple[str, str], list[QueuedJob]] = {}
    for job in jobs:
        groups.setdefault((job.run, job.class_), []).append(job)
    return [_standing(group) for _, group in sorted(groups.items())]


def _standing(jobs: list[QueuedJob]) -> Standing:
    from condor.faults import hold_mend

    holds: dict[tuple[str, int], int] = {}
    for job in jobs:
        if job.status == HELD:
            reason = (job.hold_reason, job.hold_code)
            holds[reason] = holds.get(reason, 0) + 1
    waiting = [job.since for job in jobs if job.status in _QUEUED]
    return Standing(
        run=jobs[0].run,
        name=jobs[0].class_,
        manager=jobs[0].manager,
        queued=len(waiting),
        running=sum(job.status in _RUNNING for job in jobs),
        leaving=sum(job.status == REMOVED for job in jobs),
        held=[Hold(reason, hold_mend(code), count) for (reason, code), count in holds.items()],
        queued_since=min(waiting, default=None),
    )
