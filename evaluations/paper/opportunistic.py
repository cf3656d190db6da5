"""pv6: the paper's policy and pcm on GPUs that join as in the paper's opportunistic run.

Cold starts in two ways. ``load_times_alone``: always as long as pv1 says. ``links_shared``:
fetching takes longer while others fetch; the origin gives all together what it gave in pv1, and a
worker serves three at once, which share what it can send; with pcm so many as pcm has them do.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from statistics import median
from typing import Any, NamedTuple

from evaluations.base import spread
from evaluations.paper import experiments, published
from evaluations.paper.calibration import Calibration
from evaluations.paper.progress import Progress
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import Decider, Links, Model, Outcome, simulate
from pcm.engines.staging import PEER_STREAMS

LOAD_FACTORS = (0.5, 0.25, 0.0)
TIMES = [at for at, _ in published.DONE]
PUBLISHED = [done for _, done in published.DONE]


def measure_opportunistic(
    found: Calibration, seeds: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """``seeds``: of which GPU joins when."""
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as executor:
        alone = _way(executor, found, seeds, experiments.alone(found), None, None)
        say(f"pv6, load times alone: {alone}")
        shared = experiments.links(found)
        contended = experiments.contended(found)
        ours = experiments.links(found, PEER_STREAMS)
        links_shared = _way(executor, found, seeds, contended, shared, ours)
        links_shared["pcm_seconds_by_peer_streams"] = {
            str(streams): _run(
                executor, found, seeds, contended, experiments.links(found, streams), ours=True
            )["seconds"]
            for streams in (0, 1, 2, 3)
        }
    say(f"pv6, links shared: {links_shared}")
    return {
        "seconds": TIMES,
        "published_done": PUBLISHED,
        "load_times_alone": alone,
        "links_shared": links_shared,
    }


def _way(
    executor: Executor,
    found: Calibration,
    seeds: int,
    model: Model,
    through: Links | None,
    ours: Links | None,
) -> dict[str, Any]:
    """``through``: links as the paper's workers use them, and as pcm's do."""
    paper = _run(executor, found, seeds, model, through, ours=False)
    pcm = _run(executor, found, seeds, model, ours, ours=True)
    bound = pcm.pop("bound_seconds")
    paper.pop("bound_seconds")
    return {
        "paper": paper,
        "relative_error": round(
            paper["seconds"]["median"] / published.SECONDS["pv6"].value - 1.0, 4
        ),
        "done_off_by": off_by(paper["done"]),
        "pcm": pcm,
        "bound_seconds": bound,
        "pcm_seconds_by_load_factor": {
            str(factor): _run(
                executor, found, seeds, experiments.shorter(model, factor), ours, ours=True
            )["seconds"]
            for factor in LOAD_FACTORS
        },
    }


def off_by(done: list[int]) -> float:
    """The greatest distance of a curve from the published one, as a share of all inferences."""
    gaps = [abs(one - known) for one, known in zip(done, PUBLISHED, strict=True)]
    return round(max(gaps) / published.INFERENCES, 4)


class _Case(NamedTuple):
    found: Calibration
    seed: int
    model: Model
    through: Links | None
    ours: bool


def _run(
    executor: Executor,
    found: Calibration,
    seeds: int,
    model: Model,
    through: Links | None,
    *,
    ours: bool,
) -> dict[str, Any]:
    """Over all seeds: makespans, and medians of what was done when and of the GPUs' time."""
    cases = [_Case(found, seed, model, through, ours) for seed in range(seeds)]
    ran = list(executor.map(_simulate, cases))
    outcomes, curves = [outcome for outcome, _ in ran], [curve for _, curve in ran]
    seconds = spread([outcome.makespan_seconds for outcome in outcomes])
    return {
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "bound_seconds": round(median(outcome.bound_seconds for outcome in outcomes), 1),
        "done": [int(median(done)) for done in zip(*curves, strict=True)],
        "gpu_time": {
            use: round(median(_share(outcome, use) for outcome in outcomes), 3)
            for use in ("useful", "loading", "lost", "idle", "no_work")
        },
    }


def _simulate(case: _Case) -> tuple[Outcome, list[int]]:
    """What came of it, and what was done at the published times."""
    size = experiments.BATCH_ITEMS
    decider: Decider = Scheduler() if case.ours else experiments.pervasive(size)
    progress = Progress(decider, published.INFERENCES)
    visits = experiments.opportunistic(case.seed)
    scenario = experiments.scenario(
        case.found, visits, case.model, through=case.through, salvages=case.ours
    )
    outcome = simulate(scenario, progress)
    heard = zip(TIMES, progress.at(TIMES), strict=True)
    # The last report arrives after the end.
    end = outcome.makespan_seconds
    return outcome, [published.INFERENCES if at >= end else done for at, done in heard]


def _share(outcome: Outcome, use: str) -> float:
    uses = ("useful", "loading", "lost", "idle", "no_work")
    whole = sum(float(getattr(outcome, f"{name}_seconds")) for name in uses)
    return max(0.0, float(getattr(outcome, f"{use}_seconds")) / whole)
