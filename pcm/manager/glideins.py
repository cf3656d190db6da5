"""Glideins beside a manager: what the core wants of offered pools, and how they stand."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pcm.core.commands import Want
from pcm.core.events import Capacity, Event, PoolOffered, PoolState, ProvisionFailed
from pcm.engines.hosts import own_hosts
from pcm.engines.invitation import Invitation
from pcm.manager.stands import Stands

if TYPE_CHECKING:
    from condor import Glideins
    from condor.fleet import Status

UNKNOWN_BYTES = 1 << 62
"""For memory of GPUs of which the class says nothing: what comes may have any."""


class GlideinSupply:
    """The classes of one manager, whose jobs its provisioner submits and removes."""

    def __init__(
        self,
        classes: Sequence[Glideins],
        directory: Path,
        id_: str,
        tell: Callable[[Event], None],
        say: Callable[[str], None],
        *,
        host: str = "",
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """``directory`` and ``id_`` are those of the manager's home; ``tell`` takes events and
        ``say`` lines for people, ``changed`` is called when the classes stand otherwise, all from
        any thread. ``host``: how the nodes reach this machine.

        Raises InputError for classes that cannot be.
        """
        from condor.provisioner import Provisioner

        self.classes = tuple(classes)
        self._id, self._tell, self._host = id_, tell, host
        self._told: dict[str, PoolState] = {}
        self._stands = Stands([(one.name, one.pool) for one in self.classes], changed)
        self._provisioner = Provisioner(
            classes, directory, self._on_failure, say=say, on_status=self._on_status
        )

    def offers(self) -> list[PoolOffered]:
        return [
            PoolOffered(glideins.pool, glideins.most, _least(glideins), glideins.least)
            for glideins in self.classes
        ]

    def start(self, invitation: Invitation) -> None:
        """Find the jobs that are there, and wait for what is wanted. Raises InputError."""
        from condor.invitation import Invitation as CondorInvitation

        address = f"{self._host or own_hosts()[0]}:{invitation.port}"
        self._provisioner.start(
            CondorInvitation(address, Path(invitation.password_file), invitation.ssl), self._id
        )

    @property
    def stands(self) -> Stands:
        """For the event logs of runs."""
        return self._stands

    def order(self, want: Want) -> None:
        self._stands.wanted(want.pool, want.workers)
        self._provisioner.want(want.pool, want.workers)

    def joined(self, worker: str) -> None:
        self._provisioner.joined(worker)

    def status(self) -> list[Status]:
        """Of every class, in the order in which they were declared."""
        return self._provisioner.status()

    def stop(self) -> None:
        """Remove all jobs, and see the queue empty if that does not take too long."""
        self._provisioner.stop(remove=True)

    def _on_failure(self, failed: ProvisionFailed) -> None:
        self._stands.failed(failed.pool, failed.error)
        self._tell(failed)

    def _on_status(self, statuses: Sequence[Status]) -> None:
        self._stands.jobs(statuses)
        for glideins, status in zip(self.classes, statuses, strict=True):
            coming = status.asked + status.queued + max(0, status.running - status.joined)
            waits = status.waits_seconds
            wait_seconds = statistics.median(waits) if waits else None
            state = PoolState(glideins.pool, coming, wait_seconds)
            if self._told.get(glideins.pool) != state:
                self._told[glideins.pool] = state
                self._tell(state)


def _least(glideins: Glideins) -> Capacity:
    """What each worker of the class has, as far as the class says."""
    unknown = UNKNOWN_BYTES if glideins.gpus else 0
    return Capacity(
        kind="",
        gpus=glideins.gpus,
        gpu_memory_bytes=glideins.gpu_memory_bytes or unknown,
        memory_bytes=glideins.memory_bytes,
        cores=glideins.cpus,
        pool=glideins.pool,
    )
