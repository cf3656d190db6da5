"""The script: which workers come and go when, how, and what there is to do meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pcm.engines.simulated import Model, Scenario, Visit, WorkerClass, Workload

SPEEDS = {"slow": 0.5, "plain": 1.0, "quick": 2.0, "swift": 4.0}
"""By kind: reference seconds of work per second."""
NOTICE_SECONDS = 0.05
"""A worker that is told to leave gives back what it has and is gone about so soon; it may take more
(``playing.GRACE_SECONDS``)."""
STAGGER_SECONDS = 0.5
"""Workers of a group come this long after each other, unless they are there from the beginning."""
LEAVE_STAGGER_SECONDS = 0.1
CONTEXT, RUN = "model", "run"


@dataclass(frozen=True)
class Group:
    """Some workers of a kind, that come and go together; seconds after the run was opened."""

    kind: str
    workers: int
    start_seconds: float
    end_seconds: float = inf
    manner: Literal["kill", "notice"] = "kill"
    """How they go: by SIGKILL of all their processes, or by SIGTERM, on which they give back what
    is finished."""


@dataclass(frozen=True)
class Plan:
    """``items`` cost ``mean_cost`` reference seconds each on average, lognormally distributed."""

    rounds: int
    groups: tuple[Group, ...]
    items: int
    mean_cost: float
    load_seconds: float


_FROM_THE_BEGINNING = (
    Group("slow", 4, 0.0),
    Group("plain", 4, 0.0),
    Group("quick", 3, 0.0),
    Group("swift", 2, 0.0),
)
FULL = Plan(
    rounds=3,
    groups=(
        *_FROM_THE_BEGINNING,
        Group("swift", 1, 0.0, 15.0, "notice"),
        Group("slow", 2, 0.0, 18.0, "kill"),
        Group("quick", 2, 0.0, 21.0, "kill"),
        Group("plain", 2, 0.0, 24.0, "notice"),
        # Twenty more come within ten seconds; then all forty are there.
        Group("swift", 3, 3.0, 30.0, "kill"),
        Group("plain", 3, 4.5),
        Group("quick", 3, 6.0, 30.0, "kill"),
        Group("slow", 4, 7.5, 33.0, "notice"),
        Group("plain", 3, 9.5, 27.0, "notice"),
        Group("quick", 2, 11.0),
        Group("slow", 2, 12.0, 20.0, "kill"),
        # Some come back.
        Group("quick", 3, 26.0),
        Group("plain", 3, 31.0, 40.0, "notice"),
        Group("swift", 2, 35.0),
        Group("slow", 2, 38.0, 44.0, "kill"),
    ),
    items=4000,
    mean_cost=0.5,
    load_seconds=2.0,
)
QUICK = Plan(
    rounds=1,
    groups=(
        *_FROM_THE_BEGINNING,
        Group("plain", 4, 0.0),
        Group("slow", 4, 0.0, 5.0, "kill"),
        Group("quick", 3, 0.0, 6.0, "notice"),
        Group("swift", 2, 0.0, 7.0, "kill"),
        Group("slow", 2, 0.0, 8.0, "notice"),
        Group("plain", 4, 1.0),
        Group("quick", 4, 1.25),
        Group("swift", 2, 1.5, 9.0, "notice"),
        Group("slow", 2, 2.0, 9.0, "kill"),
    ),
    items=1800,
    mean_cost=0.25,
    load_seconds=1.0,
)
"""As little as shows that it works."""


def visits(plan: Plan) -> tuple[Visit, ...]:
    """In the order in which they come."""
    found = [visit for group in plan.groups for visit in _of_group(group)]
    return tuple(sorted(found, key=lambda visit: visit.start_seconds))


def _of_group(group: Group) -> Iterator[Visit]:
    leaves = isfinite(group.end_seconds)
    for n in range(group.workers):
        yield Visit(
            kind=group.kind,
            start_seconds=group.start_seconds + (n * STAGGER_SECONDS if group.start_seconds else 0),
            end_seconds=group.end_seconds + n * LEAVE_STAGGER_SECONDS,
            notice_seconds=NOTICE_SECONDS if leaves and group.manner == "notice" else 0.0,
        )


def costs(plan: Plan) -> NDArray[np.float64]:
    """Reference seconds of all items, shape (items,); always the same."""
    drawn = np.random.default_rng(1).lognormal(0.0, 0.6, plan.items)
    return np.asarray(drawn * (plan.mean_cost / drawn.mean()))


def scenario(plan: Plan) -> Scenario:
    """What the simulator is told: the script, and nothing that was measured."""
    return Scenario(
        classes={kind: WorkerClass(kind=kind, speed=speed) for kind, speed in SPEEDS.items()},
        visits=visits(plan),
        models={CONTEXT: Model(gpu_seconds=plan.load_seconds)},
        runs={RUN: Workload(costs=costs(plan), context=CONTEXT)},
    )


def most_at_once(plan: Plan) -> int:
    """How many workers are there together, at most."""
    there = visits(plan)
    return max(
        sum(other.start_seconds <= one.start_seconds < other.end_seconds for other in there)
        for one in there
    )
