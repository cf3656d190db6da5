"""The script simulated and played, what came of it, and what is expected of that."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from evaluations.base import Target, at_least, at_most, spread
from evaluations.trace.playing import Played, play
from evaluations.trace.script import SPEEDS, Plan, costs, most_at_once, scenario, visits
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import Outcome, simulate

Say = Callable[[str], None]
SPREAD = (
    "makespan_seconds",
    "bound_seconds",
    "efficiency",
    "replay_makespan_seconds",
    "live_over_replay",
    "live_over_predicted",
    "efficiency_over_predicted",
)
"""Figures of a round whose median and range over all rounds are given."""


def measure(plan: Plan, say: Say) -> tuple[dict[str, Any], list[Target]]:
    before = simulate(scenario(plan), Scheduler())
    say(f"predicted: {before.makespan_seconds:.1f} s, efficiency {before.efficiency:.3f}")
    rounds = []
    with tempfile.TemporaryDirectory(prefix="pcm-trace-", ignore_cleanup_errors=True) as scratch:
        for number in range(plan.rounds):
            found = of_round(play(plan, Path(scratch) / f"{number}"), before)
            rounds.append(found)
            say(
                f"round {number + 1} of {plan.rounds}: {found['makespan_seconds']:.1f} s,"
                f" efficiency {found['efficiency']:.3f};"
                f" by replay {found['replay_makespan_seconds']:.1f} s"
            )
    figures = {
        "script": of_script(plan),
        "predicted": predicted(before),
        "live": {name: spread([one[name] for one in rounds]) for name in SPREAD},
        "rounds": rounds,
    }
    return figures, targets(rounds)


def of_script(plan: Plan) -> dict[str, Any]:
    there = visits(plan)
    leave = [visit for visit in there if visit.end_seconds != float("inf")]
    kinds = Counter(visit.kind for visit in there)
    return {
        "workers": len(there),
        "most_at_once": most_at_once(plan),
        "by_kind": {kind: {"workers": kinds[kind], "speed": SPEEDS[kind]} for kind in SPEEDS},
        "kills": sum(not visit.notice_seconds for visit in leave),
        "notices": sum(bool(visit.notice_seconds) for visit in leave),
        "items": plan.items,
        "work_reference_seconds": float(costs(plan).sum()),
        "load_seconds": plan.load_seconds,
    }


def predicted(before: Outcome) -> dict[str, Any]:
    return {
        "makespan_seconds": before.makespan_seconds,
        "bound_seconds": before.bound_seconds,
        "efficiency": before.efficiency,
        "loads": before.loads,
        "evictions": before.evictions,
        "batches": before.batches,
    }


def of_round(played: Played, before: Outcome) -> dict[str, Any]:
    """The figures of a live run, beside those that were predicted."""
    report, replayed = played.report, played.report["replay"]
    makespan = replayed["measured_seconds"]
    left = Counter(worker["left"] for worker in report["workers"])
    joined = sum(report["split"].values())
    return {
        "makespan_seconds": makespan,
        "bound_seconds": report["bound_seconds"],
        "efficiency": report["efficiency"],
        "replay_makespan_seconds": replayed["predicted_seconds"],
        "live_over_replay": makespan / replayed["predicted_seconds"],
        "live_over_predicted": makespan / before.makespan_seconds,
        "efficiency_over_predicted": report["efficiency"] / before.efficiency,
        "rows_lost": played.rows_lost,
        "rows_twice": played.rows_twice,
        "rows_wrong": played.rows_wrong,
        "killed": played.killed,
        "told_to_leave": played.told,
        "workers": len(report["workers"]),
        "workers_lost": left["lost"],
        "workers_evicted": left["evicted"],
        "loads": report["context_loads"],
        "batches": report["batches"],
        "lost_batches": report["lost_batches"],
        "duplicates": report["duplicates"],
        "split_percent": {
            name.removesuffix("_seconds"): 100.0 * seconds / joined
            for name, seconds in report["split"].items()
        },
        "late_seconds": spread(played.late_seconds) if played.late_seconds else None,
    }


def targets(rounds: Sequence[dict[str, Any]]) -> list[Target]:
    def worst(name: str) -> float:
        return max(abs(float(one[name]) - 1.0) for one in rounds)

    return [
        at_most("rows lost, all rounds", sum(one["rows_lost"] for one in rounds), 0),
        at_most("rows twice, all rounds", sum(one["rows_twice"] for one in rounds), 0),
        at_most("rows with a wrong answer, all rounds", sum(o["rows_wrong"] for o in rounds), 0),
        at_most("live makespan off the replay's, worst round", worst("live_over_replay"), 0.05),
        at_least(
            "live efficiency over the predicted, median",
            median(one["efficiency_over_predicted"] for one in rounds),
            0.95,
        ),
    ]
