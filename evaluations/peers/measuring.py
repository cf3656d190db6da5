"""All runs in their order, and what is expected of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from evaluations.base import Target, at_least, at_most
from evaluations.peers.environment import Environment
from evaluations.peers.figures import of_run, table, together
from evaluations.peers.plan import Plan
from evaluations.peers.systems import SYSTEMS, RunError, absent, run

EXPECTED = {"none": 0.97, "every_6_s": 0.92, "every_3_s": 0.85}
"""Of pcm, by schedule."""
OURS = tuple(name for name in SYSTEMS if name.startswith("pcm_"))


def measure(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    environment = Environment()
    lacking = environment.install(say) if plan.installs else environment.lacking()
    gone = absent(lacking)
    for name, reason in gone.items():
        say(f"{name} is absent: {reason}")
    runs: dict[str, dict[str, list[dict[str, Any]]]] = {}
    failed: dict[str, list[str]] = {}
    versions: dict[str, str] = {}
    for number, schedule, name, batch in _order(
        plan, [name for name in SYSTEMS if name not in gone]
    ):
        workload = plan.workload._replace(
            seed=plan.workload.seed + number, kill_every_seconds=dict(plan.schedules)[schedule]
        )
        say(f"round {number + 1} of {plan.rounds}, kills {schedule}: {name}, batches of {batch}")
        try:
            outcome = run(SYSTEMS[name], workload, batch, environment)
        except RunError as error:
            failed.setdefault(name, []).append(f"{schedule}, batches of {batch}: {error}")
            say(f"  failed: {error}")
            continue
        versions |= outcome.versions
        found = of_run(workload, batch, outcome)
        say(f"  {found['makespan_seconds']:.2f} s, efficiency {found['efficiency']:.3f}")
        runs.setdefault(name, {}).setdefault(schedule, []).append(found)
    gone |= {name: said[-1] for name, said in failed.items() if name not in runs}
    systems = {
        name: {schedule: together(found) for schedule, found in schedules.items()}
        for name, schedules in runs.items()
    }
    figures = {
        "workload": plan.workload._asdict(),
        "rounds": plan.rounds,
        "versions": versions,
        "efficiency": table(systems),
        "systems": systems,
        "absent": gone,
        "failed": failed,
        "runs": runs,
    }
    return figures, targets(figures)


def _order(plan: Plan, names: list[str]) -> Iterator[tuple[int, str, str, int]]:
    """Round, schedule, system, batch. Each round begins with another system."""
    for number in range(plan.rounds):
        turn = number * len(names) // max(1, plan.rounds)
        for schedule, _ in plan.schedules:
            for name in names[turn:] + names[:turn]:
                for batch in plan.batches if SYSTEMS[name].sized else (0,):
                    yield number, schedule, name, batch


def targets(figures: dict[str, Any]) -> list[Target]:
    """What is expected of pcm: so near to the bound, nearer than anybody else, and exact."""
    systems = figures["systems"]
    expected = []
    for name in OURS:
        mine = systems.get(name, {})
        for schedule, least in EXPECTED.items():
            reached = _efficiency(mine, schedule)
            expected.append(at_least(f"efficiency, {name}, kills {schedule}", reached, least))
            others = {n: _efficiency(found, schedule) for n, found in systems.items()}
            rivals = {n: value for n, value in others.items() if n not in OURS}
            if rivals:
                first = max(rivals, key=lambda rival: rivals[rival])
                what = f"efficiency, {name}, kills {schedule}, against the best peer ({first})"
                expected.append(at_least(what, reached, round(rivals[first], 3)))
        inexact = sum(
            found[fault]
            for found in mine.values()
            for fault in ("missing_rows", "duplicate_rows", "wrong_rows", "unfinished")
        )
        faults = inexact + len(figures["failed"].get(name, []))
        expected.append(at_most(f"rows missing, twice or wrong, {name}", faults, 0))
    return expected


def _efficiency(schedules: dict[str, Any], schedule: str) -> float:
    """0 where there was no run."""
    found = schedules.get(schedule)
    return float(found["efficiency"]["median"]) if found else 0.0
