"""From sittings to figures: pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any, NamedTuple

from evaluations.base import spread
from evaluations.glideins.ledger import Life
from evaluations.glideins.plan import GPUS, SPEEDS
from evaluations.glideins.sitting import RunDone, Sitting
from pcm.core.bounds import Interval, fluid_bound

_WORKER = re.compile(r"\.(\d+)\.(\d+)\.(\d+)-")
"""In the name of a worker: its job, and which life of it."""


class Stretch(NamedTuple):
    """A part of a sitting: a run, or what lies between runs."""

    name: str
    began: float
    ended: float


def stretches(sitting: Sitting) -> Iterator[Stretch]:
    at = sitting.began
    for run in sitting.runs:
        yield Stretch(f"before_{run.phase.name}", at, run.began)
        yield Stretch(run.phase.name, run.began, run.ended)
        at = run.ended
    yield Stretch("end", at, sitting.ended)


def bound_seconds(run: RunDone, load_seconds: float) -> float:
    """Before which nobody could have finished it. A first run has to load its context; for a later
    one it might have been kept loaded."""
    intervals = []
    for machine, gpus in GPUS.items():
        taken = [
            (life.start - run.began, life.end - run.began)
            for away, life in run.taken
            if away.machine == machine
        ]
        for free in free_intervals(taken, gpus):
            intervals.append(Interval(*free, SPEEDS[machine], load_seconds))
    costs = run.phase.costs
    return fluid_bound(intervals, sum(costs), dearest=max(costs), cheapest=min(costs))


def free_intervals(
    taken: Sequence[tuple[float, float]], gpus: int
) -> Iterator[tuple[float, float]]:
    """Of so many equal GPUs, given when one was not free; each such time is put on a GPU that is
    free then."""
    last = [0.0] * gpus
    for start, end in sorted(taken):
        here = max((at, index) for index, at in enumerate(last) if at <= max(start, min(last)))[1]
        if start > last[here]:
            yield last[here], start
        last[here] = max(end, last[here])
    for at in last:
        if math.isfinite(at):
            yield at, math.inf


def first_result_seconds(sitting: Sitting) -> list[float]:
    """Of every life of a job that gave a result: from its start until the first that counted."""
    first: dict[tuple[int, int, int], float] = {}
    for run in sitting.runs:
        for item in run.items:
            found = _WORKER.search(item.worker)
            if found is not None:
                key = (int(found[1]), int(found[2]), int(found[3]))
                first[key] = min(item.ended, first.get(key, math.inf))
    return [first[key] - life.start for life in sitting.jobs.lives if (key := _key(life)) in first]


def _key(life: Life) -> tuple[int, int, int]:
    return (*life.job, life.number)


def busy_seconds(sitting: Sitting, start: float, end: float) -> float:
    """In which items were computed that counted."""
    return sum(
        max(0.0, min(end, item.ended) - max(start, item.began))
        for run in sitting.runs
        for item in run.items
    )


def of_sitting(sitting: Sitting, load_seconds: float) -> dict[str, Any]:
    held = sitting.jobs.held_seconds(sitting.began, sitting.ended)
    busy = busy_seconds(sitting, sitting.began, sitting.ended)
    first = first_result_seconds(sitting)
    makespans = {run.phase.name: run.ended - run.began for run in sitting.runs}
    bounds = {
        run.phase.name: bound_seconds(run, 0.0 if number else load_seconds)
        for number, run in enumerate(sitting.runs)
    }
    return {
        "makespan_seconds": makespans | {"together": sum(makespans.values())},
        "bound_seconds": bounds,
        "makespan_over_bound": {name: makespans[name] / bounds[name] for name in makespans},
        "held_gpu_seconds": held,
        "busy_gpu_seconds": busy,
        "unused_gpu_seconds": held - busy,
        "unused_gpu_seconds_by_part": {
            part.name: sitting.jobs.held_seconds(part.began, part.ended)
            - busy_seconds(sitting, part.began, part.ended)
            for part in stretches(sitting)
        },
        "first_result_seconds_p50": median(first) if first else None,
        "jobs_submitted": sitting.jobs.submitted,
        "job_starts": len(sitting.jobs.lives),
        "starts_without_result": len(sitting.jobs.lives) - len(first),
        "evictions": sitting.jobs.evictions,
        "owners_jobs": sum(len(run.taken) for run in sitting.runs),
        "exact": all(run.exact for run in sitting.runs),
        "left_in_queue": sitting.left,
    }


def together(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Median, least and greatest of every number; truths hold if they do in all rounds."""
    found: dict[str, Any] = {}
    for name in rounds[0]:
        values = [one[name] for one in rounds]
        if isinstance(values[0], dict):
            found[name] = together(values)
        elif isinstance(values[0], bool):
            found[name] = all(values)
        else:
            known = [value for value in values if value is not None]
            found[name] = spread(known) if known else None
    return found
