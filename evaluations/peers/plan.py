"""How much is measured."""

from __future__ import annotations

from typing import NamedTuple

from evaluations.peers.workload import Workload


class Plan(NamedTuple):
    """By default all of it."""

    rounds: int = 3
    workload: Workload = Workload()
    schedules: tuple[tuple[str, float], ...] = (
        ("none", 0.0),
        ("every_6_s", 6.0),
        ("every_3_s", 3.0),
    )
    """Names, and seconds between kills."""
    batches: tuple[int, ...] = (10, 100)
    """Sizes that the peers get; each has the better one."""
    installs: bool = True
    """Whether peers that are not there are installed."""


FULL = Plan()
QUICK = Plan(
    rounds=1,
    workload=Workload(
        items=300,
        mean_seconds=0.03,
        speeds=(1.0, 4.0),
        load_seconds=0.3,
        away_seconds=0.2,
        limit_seconds=20.0,
    ),
    schedules=(("none", 0.0), ("every_1_s", 1.0)),
    batches=(10,),
    installs=False,
)
"""As little as shows that it works; so long that there is a kill."""
