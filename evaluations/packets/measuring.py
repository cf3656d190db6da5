"""Runs the stage and the mitigation in namespaces; figures, and what is expected of them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import msgspec

from evaluations.base import Target, at_least, at_most, spread
from evaluations.packets.namespaces import ROOT, inside
from evaluations.packets.plan import Plan

PATIENCE_SECONDS = 300.0
FOUND_SECONDS = 20.0
"""A late rank is to be found and named within so long."""
AS_BEFORE = 1.1
"""Times what it was before the fault."""


def program(module: str, *arguments: str) -> dict[str, Any]:
    """What the last line of its output says. Raises CannotStage, and RuntimeError if it fails."""
    done = subprocess.run(
        inside(module, *arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    last: dict[str, Any] = msgspec.json.decode(done.stdout.splitlines()[-1])
    return last


def measure(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """Figures of all runs, and what is expected of them."""
    outcomes, courses = [], []
    for number in range(plan.runs):
        say(f"faults: run {number + 1} of {plan.runs}")
        outcomes.append(program("evaluations.packets.running"))
    for number in range(plan.mitigations):
        say(f"mitigation: {number + 1} of {plan.mitigations}")
        courses.append(program("evaluations.packets.mitigation"))
    figures: dict[str, Any] = {"faults": _of_faults(outcomes)}
    targets = _expected_of_faults(outcomes)
    if courses:
        figures["mitigation"] = {"courses": courses, **_of_courses(courses)}
        targets += _expected_of_courses(courses)
    return figures, targets


def _of_faults(outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    by_fault: dict[str, list[dict[str, Any]]] = {}
    for outcome in outcomes:
        for fault in outcome["faults"]:
            by_fault.setdefault(f"{fault['condition']}: {fault['what']}", []).append(fault)
    quiet = [
        finding
        for outcome in outcomes
        for finding in outcome["findings"]
        if finding["found_seconds"] < outcome["first_fault_seconds"]
    ]
    observers = [outcome["observer"] for outcome in outcomes]
    done = [fault for outcome in outcomes for fault in outcome["faults"]]
    found = [fault["tries"] for fault in done if fault["found_after_seconds"] is not None]
    return {
        "share_found_at_the_first_try": found.count(1) / len(done),
        "share_found_in_two": len(found) / len(done),
        "by_fault": {name: _of_fault(done) for name, done in by_fault.items()},
        "found_in_the_quiet": sorted(f"{one['condition']}@{one['worker']}" for one in quiet),
        "packets": sum(one["packets"] for one in observers),
        "packets_dropped": sum(one["dropped"] for one in observers),
        "observer_cpu_seconds": sum(one["cpu_seconds"] for one in observers),
    }


def _of_fault(done: Sequence[dict[str, Any]]) -> dict[str, Any]:
    after = [one["found_after_seconds"] for one in done if one["found_after_seconds"] is not None]
    return {
        "place": done[0]["place"] or done[0]["worker"],
        "runs": len(done),
        "found": len(after),
        "found_at_the_first_try": sum(
            one["tries"] == 1 and one["found_after_seconds"] is not None for one in done
        ),
        "found_before_it_was_done": sum(one["before"] for one in done),
        "found_after_seconds": spread(after) if after else None,
    }


def _expected_of_faults(outcomes: Sequence[dict[str, Any]]) -> list[Target]:
    faults = [fault for outcome in outcomes for fault in outcome["faults"]]
    found = sum(fault["found_after_seconds"] is not None for fault in faults)
    before = sum(fault["before"] for fault in faults)
    return [
        at_least(
            "share of real faults found at their place, in two tries", found / len(faults), 1.0
        ),
        at_most("share of them found there before they were done", before / len(faults), 0.0),
    ]


def _of_courses(courses: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found = [one["found_after_seconds"] for one in courses]
    figures: dict[str, Any] = {
        "found_after_seconds": spread([value for value in found if value is not None] or [-1.0])
    }
    for name in ("step_seconds", "idle_share"):
        figures[name] = {
            span: spread([course[span][name] for course in courses])
            for span in ("before", "during", "after")
        }
    return figures


def _expected_of_courses(courses: Sequence[dict[str, Any]]) -> list[Target]:
    latest = max(one["found_after_seconds"] or PATIENCE_SECONDS for one in courses)
    named = [one["replaced"] == "r1" for one in courses]
    asked = [one["remedy"] is not None for one in courses]
    steps = median(c["after"]["step_seconds"] / c["before"]["step_seconds"] for c in courses)
    idle = median(c["after"]["idle_share"] / c["before"]["idle_share"] for c in courses)
    return [
        at_most("seconds until the late rank was found and named", latest, FOUND_SECONDS),
        at_least("share of runs in which it was replaced", sum(named) / len(named), 1.0),
        at_least("share of runs in which Remedies said so", sum(asked) / len(asked), 1.0),
        at_most("a step after the mitigation, times one before the fault", steps, AS_BEFORE),
        at_most("idle time after the mitigation, times that before the fault", idle, AS_BEFORE),
    ]
