"""The pools on which schedulers are compared: each gives a scenario for a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from evaluations import traces
from pcm.engines.simulated import Links, Model, Scenario, Visit, WorkerClass, Workload
from pcm.engines.simulated.availability import from_counts, from_curve, from_rates

CLASSES = {
    kind: WorkerClass(kind=kind, speed=speed, load_factor=load)
    for kind, speed, load in (
        ("h100", 6.0, 0.7),
        ("a100", 3.0, 0.8),
        ("a10", 1.0, 1.0),
        ("v100", 1.0, 1.0),
        ("titan", 0.43, 1.2),
        ("k80", 0.2, 1.5),
    )
}
"""Speeds over that of an A10, of the order of what is published for models of a few billion
parameters; A10 and TITAN X as in the fact sheet of the paper (2.3 times)."""

MODEL = Model(environment_seconds=20, weights_bytes=3.7e9, host_seconds=10, gpu_seconds=5)
LINKS = Links(
    origin_bytes_per_second=500e6, peer_bytes_per_second=900e6, stream_bytes_per_second=300e6
)
"""Networks of 10 Gbit/s and less, of which one connection alone does not get all."""

OPPORTUNISTIC = (
    *((35, 7), (175, 13), (200, 53), (250, 81), (320, 104), (350, 107), (420, 120)),
    *((425, 133), (519, 146), (520, 170), (670, 177), (765, 186)),
)
"""The paper's opportunistic run: GPUs at seconds, read from its figure."""

Pool = Callable[[np.random.Generator], Scenario]


def costs(
    rng: np.random.Generator, items: int, *, mean: float = 1.0, sigma: float = 0.8
) -> NDArray[np.float64]:
    drawn = rng.lognormal(0.0, sigma, items)
    return np.asarray(drawn * (mean / drawn.mean()))


def scenario(
    visits: list[Visit], work: NDArray[np.float64], *, model: Model = MODEL, links: Links = LINKS
) -> Scenario:
    return Scenario(
        classes=CLASSES,
        visits=tuple(visits),
        models={"model": model},
        runs={"run": Workload(costs=work)},
        links=links,
    )


def spot_16(rng: np.random.Generator) -> Scenario:
    """A window of a trace of up to 16 machines."""
    return scenario(_window(traces.spot(16)[0], rng), costs(rng, 20_000, mean=3.0))


def spot_4(rng: np.random.Generator) -> Scenario:
    return scenario(_window(traces.spot(4)[0], rng), costs(rng, 5_000, mean=3.0))


def spot_mixed(rng: np.random.Generator) -> Scenario:
    """Sixteen machines of several zones and kinds, each by a window of a trace of its own."""
    single = traces.spot(1)
    visits: list[Visit] = []
    for _ in range(16):
        visits += _window(single[int(rng.integers(len(single)))], rng)
    return scenario(sorted(visits, key=lambda v: v.start_seconds), costs(rng, 10_000, mean=3.0))


def opportunistic(rng: np.random.Generator) -> Scenario:
    """The pool curve of the paper's opportunistic run, kinds as in its cluster."""
    kinds = ["a10", "titan", "v100", "a100", "titan", "a10"]
    return scenario(from_curve(OPPORTUNISTIC, kinds), costs(rng, 150_000, mean=0.27))


def steady(rng: np.random.Generator) -> Scenario:
    """Mixed GPUs that stay."""
    kinds = ["a100"] * 4 + ["a10"] * 12 + ["titan"] * 12 + ["k80"] * 4
    visits = [
        Visit(kind=kind, start_seconds=float(rng.uniform(0, 60)), fitness=_fitness(rng))
        for kind in kinds
    ]
    return scenario(visits, costs(rng, 20_000, mean=3.0))


def evictions(rng: np.random.Generator) -> Scenario:
    """Mixed GPUs that stay half an hour on average."""
    kinds = ["a100"] * 6 + ["a10"] * 16 + ["titan"] * 10
    visits = from_rates(
        kinds, rng, until_seconds=30_000, stay_seconds=1800, away_seconds=900, fitness_sigma=0.1
    )
    return scenario(visits, costs(rng, 25_000, mean=3.0))


def fierce(rng: np.random.Generator) -> Scenario:
    """GPUs that stay five minutes on average; a load takes one."""
    kinds = ["a100"] * 6 + ["a10"] * 16 + ["titan"] * 10
    visits = from_rates(kinds, rng, until_seconds=60_000, stay_seconds=300, away_seconds=200)
    return scenario(visits, costs(rng, 20_000, mean=3.0))


def waves(rng: np.random.Generator) -> Scenario:
    """Owners come back for all machines of a kind within two minutes, now and then."""
    kinds = ["a100"] * 8 + ["a10"] * 12 + ["titan"] * 12
    struck = np.cumsum(rng.exponential(900.0, 40))
    visits = from_rates(
        kinds,
        rng,
        until_seconds=30_000,
        stay_seconds=7200,
        away_seconds=600,
        notice_seconds=20,
        waves={float(at): ("a100", "a10", "titan")[int(rng.integers(3))] for at in struck},
    )
    return scenario(visits, costs(rng, 25_000, mean=3.0))


def stragglers(rng: np.random.Generator) -> Scenario:
    """Of 32 alike, four become 3 to 10 times slower in the middle, and nobody says so."""
    visits = [
        Visit(
            kind="a10",
            start_seconds=float(rng.uniform(0, 60)),
            slow_from_seconds=float(rng.uniform(300, 1500)) if n < 4 else np.inf,
            slow_factor=float(rng.uniform(3, 10)) if n < 4 else 1.0,
        )
        for n in range(32)
    ]
    return scenario(visits, costs(rng, 20_000, mean=3.0))


def requests(rng: np.random.Generator) -> Scenario:
    """Costs of real requests: tokens read are 30 times cheaper than tokens written."""
    tokens = traces.requests()
    chosen = tokens[rng.integers(len(tokens), size=20_000)]
    work = (chosen[:, 0] / 30.0 + chosen[:, 1] + 1.0) / 50.0
    kinds = ["a100"] * 6 + ["a10"] * 16 + ["titan"] * 10
    visits = from_rates(kinds, rng, until_seconds=30_000, stay_seconds=3600, away_seconds=900)
    return scenario(visits, np.asarray(work, float))


def contexts(rng: np.random.Generator) -> Scenario:
    """Three models, of which a GPU holds one at a time, on machines that come and go."""
    kinds = ["a100"] * 6 + ["a10"] * 12 + ["titan"] * 6
    visits = from_rates(kinds, rng, until_seconds=40_000, stay_seconds=3600, away_seconds=900)
    model = replace(MODEL, memory_bytes=16 << 30)
    return Scenario(
        classes=CLASSES,
        visits=tuple(visits),
        models=dict.fromkeys("abc", model),
        runs={
            name: Workload(costs=costs(rng, items, mean=3.0), context=name)
            for name, items in (("a", 14_000), ("b", 7_000), ("c", 3_500))
        },
        links=LINKS,
    )


def crowd(rng: np.random.Generator) -> Scenario:
    """Four hundred join within a minute."""
    kinds = ["a10", "a10", "titan", "a100"]
    visits = [Visit(kind=kinds[n % 4], start_seconds=float(rng.uniform(0, 60))) for n in range(400)]
    return scenario(sorted(visits, key=lambda v: v.start_seconds), costs(rng, 80_000, mean=10.0))


POOLS: dict[str, Pool] = {
    "spot-16": spot_16,
    "spot-4": spot_4,
    "spot-mixed": spot_mixed,
    "opportunistic": opportunistic,
    "steady": steady,
    "evictions": evictions,
    "fierce": fierce,
    "waves": waves,
    "stragglers": stragglers,
    "requests": requests,
    "contexts": contexts,
    "crowd": crowd,
}
TRACED = {"spot-16", "spot-4", "spot-mixed", "requests"}
"""Those that need traces of others."""


def _window(trace: traces.Counts, rng: np.random.Generator) -> list[Visit]:
    """Two days of it, from a tick on at which somebody is there; the last state stays."""
    ticks = int(48 * 3600 / trace.gap_seconds)
    begins = np.flatnonzero(trace.counts[: len(trace.counts) - ticks])
    begin = int(begins[rng.integers(len(begins))])
    kind = trace.kind if trace.kind in CLASSES else "v100"
    counts = [int(n) for n in trace.counts[begin : begin + ticks]]
    return from_counts([*counts, max(counts)], trace.gap_seconds, kind, rng)


def _fitness(rng: np.random.Generator) -> float:
    return float(np.exp(rng.normal(0.0, 0.1)))
