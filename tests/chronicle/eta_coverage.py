"""How often a simulated run ends within the bounds that were told at moments before.

``python -m tests.chronicle.eta_coverage [SEEDS [FIRST]]`` prints the share by scenario and by how
far the run was, and the median of the error; nine of ten is what is promised.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pcm.chronicle import Chronicle
from pcm.engines.simulated import Scenario
from tests.chronicle.simulated import evicted, growing, log_of, scenario, steady

MOMENTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.96)
"""Shares of the time that the run took."""


class Told(NamedTuple):
    scenario: str
    moment: float
    seconds: float
    soonest: float
    latest: float
    came: float

    @property
    def covers(self) -> bool:
        return self.soonest <= self.came <= self.latest


def scenarios(seed: int) -> Iterator[tuple[str, Scenario]]:
    rng = np.random.default_rng(seed)
    yield "steady, items alike", scenario(steady(20), 20_000, rng)
    yield "steady, costs known", scenario(steady(20), 8_000, rng, spread=1.0)
    yield "steady, costs unknown", scenario(steady(20), 8_000, rng, spread=1.0, told=False)
    yield "few workers", scenario(steady(3), 1_500, rng, spread=0.5, told=False)
    yield "evictions", scenario(evicted(30, rng, 900.0), 30_000, rng, spread=0.5)
    yield "hard evictions", scenario(evicted(30, rng, 200.0), 15_000, rng, spread=0.5, told=False)
    yield "growing", scenario(growing(30, 600.0), 30_000, rng, spread=0.5, told=False)


def told(name: str, what: Scenario) -> Iterator[Told]:
    log = log_of(what)
    run = what.runs["run"]
    chronicle = Chronicle(run.costs if run.told is None else run.told)
    ended = next(entry.at for entry in reversed(log) if entry.kind == "ItemsDone")
    moments = [log[0].at + share * (ended - log[0].at) for share in MOMENTS]
    entries = iter(log)
    entry = next(entries)
    for share, at in zip(MOMENTS, moments, strict=True):
        while entry.at <= at:
            chronicle.take(entry)
            entry = next(entries)
        eta = chronicle.eta(at)
        if eta is not None:
            yield Told(
                name, share, eta.seconds, eta.soonest_seconds, eta.latest_seconds, ended - at
            )


def measure(seeds: int, named: tuple[str, ...] = ("",), first_seed: int = 0) -> list[Told]:
    """Of scenarios whose name has one of the words."""
    return [
        one
        for seed in range(first_seed, first_seed + seeds)
        for name, what in scenarios(seed)
        if any(word in name for word in named)
        for one in told(name, what)
    ]


def main() -> None:
    seeds, first = (int(word) for word in (*sys.argv[1:], *("5", "100")[len(sys.argv) - 1 :]))
    found = measure(seeds, first_seed=first)
    print(f"{len(found)} told, {np.mean([one.covers for one in found]):.3f} within the bounds")
    for title, key in (("scenario", 0), ("moment", 1)):
        for value in sorted({one[key] for one in found}, key=str):
            some = [one for one in found if one[key] == value]
            covered = np.mean([one.covers for one in some])
            early = np.mean([one.came < one.soonest for one in some])
            error = np.median([abs(np.log(max(one.seconds, 0.1) / one.came)) for one in some])
            bias = np.median([np.log(max(one.seconds, 0.1) / one.came) for one in some])
            width = np.median([one.latest / max(one.soonest, 0.1) for one in some])
            print(
                f"{title} {value!s:24} n={len(some):4} covered {covered:.2f} "
                f"(sooner {early:.2f}) error {error:.2f} bias {bias:+.2f} width x{width:.2f}"
            )


if __name__ == "__main__":
    main()
