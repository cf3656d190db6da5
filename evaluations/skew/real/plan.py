"""How much is done, and who becomes slow when."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np

from pcm.engines.simulated import Model, Scenario, Visit, WorkerClass, Workload

KIND = "emulated"


class Round(NamedTuple):
    """``onset_seconds``: counted from the runs' beginning; ``slow_factors``: of so many workers
    from then on, the others stay well."""

    onset_seconds: float
    slow_factors: tuple[float, ...]


@dataclass(frozen=True)
class Plan:
    """``lead_seconds``: from the start of the workers until runs begin, twice as long where they
    need it. They must have joined ``quiet_seconds`` before: from there to the onset telemetry sees
    what is usual.
    """

    rounds: tuple[Round, ...]
    workers: int
    batches: int
    batch_items: int
    item_seconds: float
    lead_seconds: float
    quiet_seconds: float

    @property
    def items(self) -> int:
        return self.batches * self.batch_items


FULL = Plan(
    rounds=(Round(32.5, (3.0, 5.0)), Round(35.75, (4.0, 5.0)), Round(36.25, (4.0, 5.0))),
    workers=8,
    batches=24,
    batch_items=20,
    item_seconds=1.0,
    lead_seconds=45.0,
    quiet_seconds=20.0,
)
"""Three batches for each worker. The less slow of the slow ones ends its second batch between 3
and 7 seconds before the others end their third, and 18 to 25 seconds after the onset."""
QUICK = Plan(
    rounds=(Round(1.0, (3.0,)),),
    workers=2,
    batches=6,
    batch_items=5,
    item_seconds=0.1,
    lead_seconds=10.0,
    quiet_seconds=0.0,
)
"""As little as shows that it works: nothing is usual yet when the slowness comes, so that no
finding can be expected."""


def visits(plan: Plan, round_: Round, onset: float) -> list[Visit]:
    """Who is slow from ``onset`` on, by whatever clock; all are there from the beginning."""
    factors = [*round_.slow_factors, *[1.0] * (plan.workers - len(round_.slow_factors))]
    return [
        Visit(
            kind=KIND,
            start_seconds=0.0,
            slow_from_seconds=onset if factor > 1.0 else inf,
            slow_factor=factor,
        )
        for factor in factors
    ]


def scenario(plan: Plan, round_: Round) -> Scenario:
    """The same for the simulator, whose bound is that of who knows."""
    costs = np.full(plan.items, plan.item_seconds)
    return Scenario(
        classes={KIND: WorkerClass(kind=KIND)},
        visits=tuple(visits(plan, round_, round_.onset_seconds)),
        models={"model": Model()},
        runs={"run": Workload(costs=costs, batch_items=plan.batch_items)},
    )
