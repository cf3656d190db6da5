"""The pools on which policies are switched off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from evaluations.bound import pools
from evaluations.bound.pools import Pool
from pcm.engines.simulated import Model, Scenario, Visit, Workload
from pcm.engines.simulated.availability import from_rates


def short(rng: np.random.Generator) -> Scenario:
    """A few minutes of work for mixed GPUs, half of whose cost is in a twentieth of the items."""
    scenario = pools.steady(rng)
    costs = pools.costs(rng, 3000, mean=2.0, sigma=1.6)
    return replace(scenario, runs={"run": Workload(costs=costs)})


def short_contexts(rng: np.random.Generator) -> Scenario:
    """Three models, a few minutes of work for each, and machines that come and go."""
    scenario = pools.contexts(rng)
    runs = {name: Workload(costs=pools.costs(rng, 3000), context=name) for name in scenario.models}
    return replace(scenario, runs=runs)


def local(rng: np.random.Generator) -> Scenario:
    """Items of milliseconds, as a small model has them, on machines that come and go."""
    visits = from_rates(
        ["a100"] * 4 + ["a10"] * 8 + ["titan"] * 4,
        rng,
        until_seconds=3000,
        stay_seconds=300,
        away_seconds=60,
    )
    return pools.scenario(visits, pools.costs(rng, 200_000, mean=0.02))


def _mixed(rng: np.random.Generator, steady: float, hasty: float, **given: Any) -> list[Visit]:
    """Two zones of the same machines, which stay so many seconds on average."""
    kinds = ["a100"] * 3 + ["a10"] * 8 + ["titan"] * 5
    visits: list[Visit] = []
    for zone, stay_seconds in (("steady", steady), ("hasty", hasty)):
        found = from_rates(
            kinds, rng, until_seconds=30_000, stay_seconds=stay_seconds, away_seconds=60, **given
        )
        visits += [replace(visit, zone=zone) for visit in found]
    return sorted(visits, key=lambda visit: visit.start_seconds)


def zones(rng: np.random.Generator) -> Scenario:
    """Machines of one zone stay two hours on average, of another three minutes; the cost of some
    items is minutes."""
    return pools.scenario(_mixed(rng, 7200, 180), pools.costs(rng, 5_000, mean=10.0, sigma=1.6))


def walltimes(rng: np.random.Generator) -> Scenario:
    """Every machine has to be left a quarter of an hour after it was got, which is known."""
    visits = [
        Visit(
            kind=kind,
            start_seconds=start,
            end_seconds=start + 900,
            notice_seconds=10,
            end_is_known=True,
        )
        for kind in ["a100"] * 4 + ["a10"] * 12 + ["titan"] * 8
        for start in np.arange(float(rng.uniform(0, 900)) - 900, 20_000, 930)
    ]
    visits = [replace(v, start_seconds=max(v.start_seconds, 0.0)) for v in visits]
    work = pools.costs(rng, 2_000, mean=20.0, sigma=1.4)
    return pools.scenario(sorted(visits, key=lambda v: v.start_seconds), work)


def one_fast(rng: np.random.Generator) -> Scenario:
    """One fast GPU among slow ones, and few items, each a minute's work for a slow one."""
    visits = [Visit(kind="h100", start_seconds=0.0)]
    visits += [Visit(kind="titan", start_seconds=float(rng.uniform(0, 20))) for _ in range(8)]
    return pools.scenario(visits, pools.costs(rng, 150, mean=25.0, sigma=0.5))


def few_gpus(rng: np.random.Generator) -> Scenario:
    """Five models take turns on two GPUs."""
    visits = [Visit(kind="a100", start_seconds=float(rng.uniform(0, 20))) for _ in range(2)]
    model = replace(pools.MODEL, memory_bytes=16 << 30)
    names = "abcde"
    return Scenario(
        classes=pools.CLASSES,
        visits=tuple(visits),
        models=dict.fromkeys(names, model),
        runs={n: Workload(costs=pools.costs(rng, 1000, mean=3.0), context=n) for n in names},
        links=pools.LINKS,
    )


def popular(rng: np.random.Generator) -> Scenario:
    """Forty short runs, one after the other, on ten models of which some are asked for often; a
    GPU holds two or three. What is given up will be wanted again."""
    gigabytes = (4, 4, 6, 6, 8, 8, 10, 10, 14, 20)
    models = {
        f"model-{n}": Model(
            weights_bytes=size * 1e9,
            host_seconds=1.5 * size,
            gpu_seconds=0.5 * size,
            memory_bytes=size << 30,
        )
        for n, size in enumerate(gigabytes)
    }
    popularity = 1.0 / rng.permutation(np.arange(1, len(models) + 1))
    asked = rng.choice(list(models), size=40, p=popularity / popularity.sum())
    opened = np.cumsum(rng.exponential(60.0, len(asked)))
    visits = [Visit(kind=kind, start_seconds=0.0) for kind in ["a100"] * 2 + ["a10"] * 2]
    return Scenario(
        classes=pools.CLASSES,
        visits=tuple(visits),
        models=models,
        runs={
            f"run-{n}": Workload(
                costs=pools.costs(rng, 200), context=str(context), opened_seconds=float(at)
            )
            for n, (context, at) in enumerate(zip(asked, opened, strict=True))
        },
        links=pools.LINKS,
    )


def popular_hosts(rng: np.random.Generator) -> Scenario:
    """The same on machines with 128 GB beside each GPU, to which a model goes at 10 GB/s."""
    given = popular(rng)
    classes = {k: replace(cls, host_memory_bytes=128 << 30) for k, cls in given.classes.items()}
    models = {
        name: replace(model, return_seconds=model.memory_bytes / 10e9)
        for name, model in given.models.items()
    }
    return replace(given, classes=classes, models=models)


def prompts(rng: np.random.Generator) -> Scenario:
    """Twelve prompts compared on one model, each with a long prefix of its own, of which a GPU
    keeps three."""
    given = pools.opportunistic(rng)
    (name,) = given.models
    runs = {
        f"prompt-{n}": Workload(costs=pools.costs(rng, 3000), context=name, prefix_work=3.0)
        for n in range(12)
    }
    classes = {k: replace(cls, prefixes_kept=3) for k, cls in given.classes.items()}
    return replace(given, classes=classes, runs=runs)


def large_batches(rng: np.random.Generator) -> Scenario:
    """Somebody wants batches of fifty, which take minutes, on GPUs that stay for five."""
    given = pools.fierce(rng)
    run = Workload(costs=pools.costs(rng, 10_000, mean=3.0), batch_items=50)
    return replace(given, runs={"run": run})


OWN: dict[str, Pool] = {
    "short": short,
    "short-contexts": short_contexts,
    "small-items": local,
    "zones": zones,
    "walltimes": walltimes,
    "one-fast": one_fast,
    "few-gpus": few_gpus,
    "popular": popular,
    "popular-hosts": popular_hosts,
    "prompts": prompts,
    "large-batches": large_batches,
}
OF_BOUND = ("opportunistic", "fierce", "waves", "contexts", "crowd")
POOLS = OWN | {name: pools.POOLS[name] for name in OF_BOUND}
