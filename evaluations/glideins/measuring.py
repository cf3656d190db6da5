"""All sittings, in their order, and what is expected of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from condor.personal_pool import MACHINES, CondorPool, ordinary_user
from evaluations.base import Target, at_least, at_most
from evaluations.glideins import ledger, owners
from evaluations.glideins.figures import of_sitting, together
from evaluations.glideins.plan import MOST, Plan
from evaluations.glideins.provisioners import PROVISIONERS
from evaluations.glideins.sitting import sit

OTHERS = tuple(name for name in PROVISIONERS if name != "pcm")


def measure(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in PROVISIONERS}
    settings = owners.SETTINGS | ledger.SETTINGS
    with CondorPool(MACHINES, settings) as pool, ordinary_user() as directory:
        for number in range(plan.rounds):
            names = list(PROVISIONERS)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                say(f"round {number + 1} of {plan.rounds}: {name}")
                where = directory / f"{name}-{number}"
                found = of_sitting(sit(PROVISIONERS[name], plan, pool, where), plan.load_seconds)
                say(
                    f"  {found['makespan_seconds']['together']:.1f} s of runs,"
                    f" {found['unused_gpu_seconds']:.1f} GPU seconds unused"
                )
                rounds[name].append(found)
    figures = {
        "slots": sum(machine.gpus for machine in MACHINES),
        "most_glideins": MOST,
        "dilation_factor": plan.dilation_factor,
        "load_seconds": plan.load_seconds,
        "phases": [
            {
                "name": phase.name,
                "items": len(phase.costs),
                "work": sum(phase.costs),
                "pause_seconds": phase.pause_seconds,
                "away": [asdict(away) for away in phase.away],
            }
            for phase in plan.phases
        ],
        "rounds": rounds,
        "provisioners": {name: together(found) for name, found in rounds.items()},
    }
    return figures, targets(figures)


def targets(figures: dict[str, Any]) -> list[Target]:
    """What is expected of the figures, and whether they are so.

    Fewer GPU seconds are unused, over the whole sitting and in the run that is preempted; runs take
    no longer, but for what repeated rounds of either differ by. Who has handed back idle GPUs in a
    gap begins the run after it later than who has held them: that shows in both runs together.
    """
    found = figures["provisioners"]
    first = figures["phases"][0]["name"]
    expected = []
    for other in OTHERS:
        for where, unused in (
            ("", [found[who]["unused_gpu_seconds"] for who in ("pcm", other)]),
            (
                f" of {first!r}",
                [found[who]["unused_gpu_seconds_by_part"][first] for who in ("pcm", other)],
            ),
        ):
            mine, theirs = (one["median"] for one in unused)
            what = f"GPU seconds held and not used{where}, pcm, against {other}"
            expected.append(at_most(what, mine, round(theirs, 1)))
        for part in (first, "together"):
            mine, theirs = (one["makespan_seconds"][part] for one in (found["pcm"], found[other]))
            noise = max(one["max"] - one["min"] for one in (mine, theirs))
            what = f"makespan [s] of {part!r}, pcm, against {other} with noise of {noise:.1f}"
            expected.append(at_most(what, mine["median"], round(theirs["median"] + noise, 2)))
    expected.append(at_least("slots", figures["slots"], 8))
    exact = sum(one["exact"] for one in found.values())
    expected.append(at_least("provisioners with exact results in all rounds", exact, len(found)))
    left = max(one["left_in_queue"]["max"] for one in found.values())
    expected.append(at_most("jobs left in the queue at the end of a sitting", left, 0))
    return expected
