"""Runs of a plan, judged, and what is expected of them."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from evaluations.base import Target, at_least, at_most
from evaluations.runbook import arrivals
from evaluations.runbook.judging import (
    Verdict,
    confusion,
    false_findings,
    judge,
    macro,
    of_condition,
)
from evaluations.runbook.plan import Plan
from evaluations.runbook.simulation import clean, faulty
from evaluations.runbook.truth import Intensity
from pcm.telemetry.runbook import findings_of


class Quiet(NamedTuple):
    """A clean run."""

    seed: int
    worker_hours: float
    false: tuple[tuple[str, str, str], ...]
    """Condition, worker and place of each finding."""


Job = tuple[int, str, Intensity]


def run_faulty(job: Job) -> Verdict:
    seed, condition, intensity = job
    windows, truth = faulty(seed, condition, intensity)
    return judge(seed, intensity, truth, findings_of(windows))


def run_clean(job: tuple[int, int]) -> Quiet:
    seed, count = job
    windows = list(clean(seed, count))
    seconds = sum(window.seconds for window in windows)
    found = false_findings(findings_of(windows))
    told = tuple((finding.condition, finding.worker, finding.place) for finding in found)
    return Quiet(seed, seconds / 3600, told)


def measure(plan: Plan, say: Callable[[str], None]) -> tuple[dict[str, Any], list[Target]]:
    """Figures, and targets about them."""
    jobs = [
        (seed, condition, intensity)
        for seed in plan.seeds
        for intensity in plan.intensities
        for condition in plan.conditions
    ]
    quiet_jobs = [(seed, plan.clean_windows) for seed in plan.clean_seeds]
    quiet = list(_told(_map(plan, run_clean, quiet_jobs), len(quiet_jobs), "clean", say))
    verdicts = list(_told(_map(plan, run_faulty, jobs), len(jobs), "faulty", say))
    return figures(plan, verdicts, quiet), targets(plan, verdicts, quiet)


def _map(plan: Plan, function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Any]:
    if plan.processes == 1:
        yield from map(function, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(plan.processes, mp_context=context) as pool:
        yield from pool.map(function, jobs)


def _told(
    results: Iterator[Any], count: int, what: str, say: Callable[[str], None]
) -> Iterator[Any]:
    for number, result in enumerate(results, 1):
        if number % max(1, count // 8) == 0:
            say(f"{what}: {number} of {count} runs")
        yield result


def figures(plan: Plan, verdicts: Sequence[Verdict], quiet: Sequence[Quiet]) -> dict[str, Any]:
    hours = sum(run.worker_hours for run in quiet)
    told = [finding for run in quiet for finding in run.false]
    found: dict[str, Any] = {
        "requests": arrivals.source(),
        "seeds": list(plan.seeds),
        "clean": {
            "runs": len(quiet),
            "worker_hours": hours,
            "false_findings": len(told),
            "false_findings_per_worker_hour": len(told) / max(hours, 1e-9),
            "by_condition": dict(Counter(condition for condition, _, _ in told)),
        },
    }
    for intensity in plan.intensities:
        of = [verdict for verdict in verdicts if verdict.intensity == intensity]
        recall, precision = macro(of, plan.conditions)
        found[intensity] = {
            "runs": len(of),
            "macro_recall": recall,
            "macro_precision": precision,
            "by_seed": {
                str(seed): _named(macro([v for v in of if v.seed == seed], plan.conditions))
                for seed in plan.seeds
            },
            "by_condition": {condition: _of(of, condition) for condition in plan.conditions},
            "confusion": confusion(of),
            "missed": [[v.seed, v.truth.condition, v.truth.worker] for v in of if not v.is_found],
            "false": [[v.seed, v.truth.condition, *told] for v in of for told in v.false],
            "seconds_to_detect": _seconds(of),
        }
    return found


def _of(verdicts: Sequence[Verdict], condition: str) -> dict[str, Any]:
    own = [verdict for verdict in verdicts if verdict.truth.condition == condition]
    recall, precision = of_condition(verdicts, condition)
    right = [verdict.is_placed for verdict in own if verdict.is_found]
    return {
        "recall": recall,
        "precision": precision,
        "placed_share": sum(right) / len(right) if right else None,
        "seconds_to_detect": _seconds(own),
    }


def _seconds(verdicts: Sequence[Verdict]) -> dict[str, float] | None:
    took = [v.seconds_to_detect for v in verdicts if v.seconds_to_detect is not None]
    if not took:
        return None
    return {"median": float(np.median(took)), "p90": float(np.percentile(took, 90))}


def _named(rates: tuple[float, float]) -> dict[str, float]:
    return {"macro_recall": rates[0], "macro_precision": rates[1]}


def targets(plan: Plan, verdicts: Sequence[Verdict], quiet: Sequence[Quiet]) -> list[Target]:
    moderate = [verdict for verdict in verdicts if verdict.intensity == "moderate"]
    recall, precision = macro(moderate, plan.conditions)
    hours = sum(run.worker_hours for run in quiet)
    false = sum(len(run.false) for run in quiet) / max(hours, 1e-9)
    return [
        at_least("moderate: macro recall", recall, 0.95),
        at_least("moderate: macro precision", precision, 0.95),
        at_most("clean: false findings per worker-hour", false, 0.05),
    ]
