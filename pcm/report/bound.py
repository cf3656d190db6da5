"""Before when no scheduler could have done what a sitting did, from what was measured in it.

Every worker is there from its joining until it was taken away. One that was there at the end could
have stayed, and so could one that the manager let go. It computes at the speed that was measured on
it: the cost of the items that had an outcome there, over the seconds that their batches ran. Costs
are what the run was told of its items; since their sum over a worker's seconds is what that worker
is held to be able to do, an unknown unit and costs that are wrong by a factor cancel out. A worker
that finished nothing has the mean speed of its kind, else of all.

A load takes the lesser of what it took on this worker and the median of its kind, so that neither
chance nor waiting for others is held to be a law. A worker on which the context was warm when the
sitting began needs none. The dearest item is the one that took longest of those that were alone in
their batch: only there the time of an item is certain.

Where a manager has several runs, the bound is that of this one alone on all workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, median
from typing import NamedTuple

from pcm.core.bounds import Interval, fluid_bound

SHORTEST_SECONDS = 1e-6


class Stay(NamedTuple):
    """A worker in a sitting; times are seconds since that began.

    ``cost`` was decided there in ``busy_seconds`` of running; ``dearest_seconds`` is the longest
    that an item took alone. ``load_seconds``: the shortest load of the run's context; None if there
    was none, 0 if it was warm before.
    """

    kind: str
    start_seconds: float
    end_seconds: float
    cost: float
    busy_seconds: float
    dearest_seconds: float
    load_seconds: float | None

    @property
    def speed(self) -> float | None:
        """Cost per second; None if nothing was decided there."""
        return self.cost / max(self.busy_seconds, SHORTEST_SECONDS) if self.cost > 0.0 else None


def bound_seconds(stays: Sequence[Stay], work: float, seconds: float) -> float:
    """For ``work`` units of cost. At most ``seconds``, which the sitting took: it shows that so
    much can be done in that time, and a bound beyond it would be the error of its measurement."""
    intervals = intervals_of(stays)
    if work <= 0.0 or not intervals:
        return 0.0
    dearest = max(s.dearest_seconds * i.speed for s, i in zip(stays, intervals, strict=True))
    return min(fluid_bound(intervals, work, dearest=dearest), seconds)


def intervals_of(stays: Sequence[Stay]) -> list[Interval]:
    """Of each stay, what the bound holds it to be able to do; [] if nothing was decided at all."""
    speeds = _by_kind([(stay.kind, stay.speed) for stay in stays])
    if not speeds:
        return []
    loads = _by_kind([(stay.kind, stay.load_seconds) for stay in stays if stay.load_seconds])
    mean_speed = fmean(speed for some in speeds.values() for speed in some)
    usual_speeds = {kind: fmean(some) for kind, some in speeds.items()}
    all_loads = [load for some in loads.values() for load in some] or [0.0]
    kinds = {stay.kind for stay in stays}
    usual_loads = {kind: median(loads.get(kind, all_loads)) for kind in kinds}
    intervals = []
    for stay in stays:
        speed = stay.speed or usual_speeds.get(stay.kind, mean_speed)
        load_seconds = usual_loads[stay.kind]
        if stay.load_seconds is not None:
            load_seconds = min(stay.load_seconds, load_seconds)
        intervals.append(Interval(stay.start_seconds, stay.end_seconds, speed, load_seconds))
    return intervals


def _by_kind(measured: list[tuple[str, float | None]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for kind, value in measured:
        if value is not None:
            found.setdefault(kind, []).append(value)
    return found
