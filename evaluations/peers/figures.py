"""From what runs came to, to figures; pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from evaluations.base import spread
from evaluations.peers.sitting import Outcome
from evaluations.peers.workload import Workload
from pcm.core.bounds import Interval, fluid_bound

COUNTS = ("loads", "duplicates", "lost", "missing_rows", "duplicate_rows", "wrong_rows")


def bound_seconds(workload: Workload, kills: Sequence[tuple[int, float]]) -> float:
    """Before when nobody could have been done, had he known these kills, with work that can be cut
    at will. A machine is there from time zero, and away for a while after each of its kills."""
    intervals = []
    for machine, speed in enumerate(workload.speeds):
        start = 0.0
        for at in sorted(at for killed, at in kills if killed == machine):
            intervals.append(Interval(start, at, speed, workload.load_seconds))
            start = at + workload.away_seconds
        intervals.append(Interval(start, inf, speed, workload.load_seconds))
    costs = workload.costs()
    return fluid_bound(intervals, sum(costs), dearest=max(costs), cheapest=min(costs))


def of_run(workload: Workload, batch: int, outcome: Outcome) -> dict[str, Any]:
    """One run; its efficiency is 0 if it did not come to its end."""
    bound = bound_seconds(workload, outcome.kills)
    return {
        "seed": workload.seed,
        "batch": batch,
        "finished": outcome.finished,
        "makespan_seconds": outcome.seconds,
        "bound_seconds": bound,
        "efficiency": bound / outcome.seconds if outcome.finished else 0.0,
        "kills": sum(at < outcome.seconds for _, at in outcome.kills),
        **{name: getattr(outcome, name) for name in COUNTS},
    }


def together(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Repeated runs of one system under one schedule: with the size of batches that served it
    better, by the median of the efficiency. Rows are counted in all of them."""
    sizes = sorted({run["batch"] for run in runs})
    best = max(sizes, key=lambda size: _efficiency(runs, size))
    chosen = [run for run in runs if run["batch"] == best]
    return {
        "batch": best or "its own",
        "runs": len(chosen),
        "unfinished": sum(not run["finished"] for run in runs),
        "makespan_seconds": spread([run["makespan_seconds"] for run in chosen]),
        "efficiency": spread([run["efficiency"] for run in chosen]),
        "efficiency_by_batch": {str(size): _efficiency(runs, size) for size in sizes if size},
        **{name: spread([run[name] for run in chosen]) for name in ("loads", "duplicates", "lost")},
        **{name: sum(run[name] for run in runs) for name in COUNTS if name.endswith("rows")},
    }


def _efficiency(runs: Sequence[dict[str, Any]], batch: int) -> float:
    return spread([run["efficiency"] for run in runs if run["batch"] == batch])["median"]


def table(systems: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The efficiencies alone, for the eye."""
    return {
        name: {
            schedule: round(found["efficiency"]["median"], 3)
            for schedule, found in schedules.items()
        }
        for name, schedules in systems.items()
    }
