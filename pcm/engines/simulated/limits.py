"""The clairvoyant bound of a scenario."""

from __future__ import annotations

from collections.abc import Iterator

from pcm.core.bounds import Interval, Share, fluid_bound, fluid_bound_of_contexts
from pcm.engines.simulated.scenario import Scenario, Visit


def bound_seconds(scenario: Scenario) -> float:
    """When all runs can be done at best, as if all were open from the first one's opening on.

    Loads take as if nobody else was loading, and no batch costs anything besides its work.
    """
    works: dict[str, float] = {}
    dearest: dict[str, float] = {}
    cheapest: dict[str, float] = {}
    for run in scenario.runs.values():
        if len(run.costs):
            works[run.context] = works.get(run.context, 0.0) + float(run.costs.sum())
            dearest[run.context] = max(dearest.get(run.context, 0.0), float(run.costs.max()))
            least = float(run.costs.min())
            cheapest[run.context] = min(cheapest.get(run.context, least), least)
    opened = min((run.opened_seconds for run in scenario.runs.values()), default=0.0)
    shares = [part for visit in scenario.visits for part in _parts(scenario, visit, opened)]
    if len(works) == 1:
        (context,) = works
        intervals = [
            Interval(s.start_seconds, s.end_seconds, s.speeds[context], s.load_seconds[context])
            for s in shares
        ]
        return fluid_bound(
            intervals, works[context], dearest=dearest[context], cheapest=cheapest[context]
        )
    return fluid_bound_of_contexts(shares, works, dearest=dearest)


def _parts(scenario: Scenario, visit: Visit, opened: float) -> Iterator[Share]:
    """A visit as intervals of one speed each: a straggler's has two."""
    cls = scenario.classes[visit.kind]
    speeds = {c: cls.speed_for(c) * visit.fitness for c in scenario.models}
    loads = {c: scenario.cold_seconds(c, visit.kind) for c in scenario.models}
    start, end, slow = visit.start_seconds, visit.end_seconds, visit.slow_from_seconds
    if end <= opened:
        return
    start = max(start, opened)
    slower = {context: speed / visit.slow_factor for context, speed in speeds.items()}
    if slow >= end or visit.slow_factor == 1.0:
        yield Share(start, end, speeds, loads)
    elif slow <= start + min(loads.values()):
        yield Share(start, end, slower, loads)
    else:
        yield Share(start, slow, speeds, loads)
        yield Share(slow, end, slower, dict.fromkeys(loads, 0.0))
