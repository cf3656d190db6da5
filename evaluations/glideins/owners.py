"""The machines' owners, whose jobs come first on their machines and take GPUs back."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from condor import sleepers
from condor.personal_pool import CondorPool
from evaluations.glideins.plan import Away

SETTINGS = {
    "RANK": "(TARGET.IsOwners =?= true) * 10",
    "ALLOW_PSLOT_PREEMPTION": "True",
    "MachineMaxVacateTime": "10",
}
"""Of HTCondor, for machines to prefer their owners' jobs."""
_OWNERS = {"+IsOwners": "true", "priority": "10"}
"""The priority: a GPU that one of our jobs was taken from is for the owner, not for that job."""


class Owners:
    """Come by their schedule from entering on, and are gone on leaving."""

    def __init__(self, pool: CondorPool, directory: Path, schedule: Sequence[Away]) -> None:
        self._pool, self._directory = pool, directory
        self._schedule = sorted(schedule, key=lambda away: away.at_seconds)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._come, name="owners")
        self.clusters: dict[int, Away] = {}
        """Their jobs."""
        self._error: Exception | None = None

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._over.set()
        self._thread.join()
        if self.clusters:
            command = ["condor_rm", *map(str, self.clusters)]  # Fails if all have gone.
            subprocess.run(command, check=False, capture_output=True)
        if self._error is not None and error is None:
            raise self._error

    def _come(self) -> None:
        try:
            for number, away in enumerate(self._schedule):
                if self._over.wait(self._began + away.at_seconds - time.monotonic()):
                    return
                self._submit(number, away)
        except Exception as error:  # Raised again where somebody sees it.
            self._error = error

    def _submit(self, number: int, away: Away) -> None:
        file = self._directory / f"owner-{number}.sub"
        file.write_text(
            sleepers.description(
                away.machine, self._directory, away.seconds, jobs=away.gpus, more=_OWNERS
            )
        )
        said = self._pool.run("condor_submit", "-terse", str(file))
        self.clusters[int(said.split(".")[0])] = away
