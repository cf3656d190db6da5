"""What comes of the simulations if what is not known is otherwise than assumed."""

from __future__ import annotations

from statistics import median
from typing import Any

import msgspec

from evaluations.paper import experiments
from evaluations.paper.calibration import Calibration
from pcm.core.scheduler import Scheduler
from pcm.engines.simulated import Links, Model, simulate

ANCESTOR_COLD_SECONDS, ANCESTOR_DISK_SECONDS, ANCESTOR_WARM_SECONDS = 21.6, 13.5, 4.8
"""Mean calls of the same system's ancestor: all from the shared file system, from disk, warm; V."""

SIZES = (30, 100, 300)


def measure_assumptions(found: Calibration, seeds: int) -> dict[str, Any]:
    """Makespans in seconds; medians over ``seeds`` where it is drawn which GPU joins when."""
    return {
        "pv2_paper_seconds_if_cold_starts_divide_as_the_ancestor_s": _divided_otherwise(found),
        "pv6_if_half_are_a10_and_half_titan": _by_turns(found),
        "pv6_paper_seconds_by_batch_items": {
            "load_times_alone": _by_size(found, seeds, experiments.alone(found), None),
            "links_shared": _by_size(
                found, seeds, experiments.contended(found), experiments.links(found)
            ),
        },
    }


def _divided_otherwise(found: Calibration) -> float:
    disk = ANCESTOR_DISK_SECONDS - ANCESTOR_WARM_SECONDS
    load = found.cold_seconds * disk / (ANCESTOR_COLD_SECONDS - ANCESTOR_WARM_SECONDS)
    other = msgspec.structs.replace(
        found, load_seconds=load, fetch_seconds=0.0, unpack_seconds=found.cold_seconds - load
    )
    scenario = experiments.scenario(found, experiments.twenty_gpus(), experiments.alone(other))
    policy = experiments.partial(experiments.BATCH_ITEMS)
    return round(simulate(scenario, policy).makespan_seconds, 1)


def _by_turns(found: Calibration) -> dict[str, float]:
    visits, model = experiments.opportunistic_of_twenty(), experiments.alone(found)
    paper = simulate(
        experiments.scenario(found, visits, model), experiments.pervasive(experiments.BATCH_ITEMS)
    )
    pcm = simulate(experiments.scenario(found, visits, model, salvages=True), Scheduler())
    return {
        "paper_seconds": round(paper.makespan_seconds, 1),
        "pcm_seconds": round(pcm.makespan_seconds, 1),
        "bound_seconds": round(pcm.bound_seconds, 1),
    }


def _by_size(
    found: Calibration, seeds: int, model: Model, through: Links | None
) -> dict[str, float]:
    """The batch size of the paper's opportunistic run is not known."""

    def seconds(size: int, seed: int) -> float:
        visits = experiments.opportunistic(seed)
        scenario = experiments.scenario(found, visits, model, through=through)
        return simulate(scenario, experiments.pervasive(size)).makespan_seconds

    return {str(k): round(median(seconds(k, s) for s in range(seeds)), 1) for k in SIZES}
