"""When workers are there: from traces, from curves, from rates. All give visits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

import numpy as np

from pcm.engines.simulated.scenario import Visit


def from_counts(
    counts: Sequence[int],
    gap_seconds: float,
    kind: str,
    rng: np.random.Generator,
    *,
    notice_seconds: float = 0.0,
    spread_seconds: float = 30.0,
    zone: str = "",
) -> list[Visit]:
    """So many workers per tick, ``gap_seconds`` apart, as traces of spot machines have it.

    Where the count falls, that many of those present go, whichever; where it rises, as many come.
    They do so within ``spread_seconds`` of the tick. Those present at the last tick stay.
    """
    present: list[float] = []
    visits: list[Visit] = []
    spread_seconds = min(spread_seconds, gap_seconds / 2.0)
    for tick, number in enumerate(counts):
        while len(present) < number:
            present.append(tick * gap_seconds + float(rng.uniform(0.0, spread_seconds)))
        while len(present) > number:
            start = present.pop(int(rng.integers(len(present))))
            end = tick * gap_seconds + float(rng.uniform(0.0, spread_seconds))
            visits.append(_visit(kind, start, end, notice_seconds, zone))
    visits += [_visit(kind, start, inf, notice_seconds, zone) for start in present]
    return _in_order(visits)


def from_curve(points: Sequence[tuple[float, int]], kinds: Sequence[str]) -> list[Visit]:
    """A pool that only grows, through points of time and number of workers, straight between them.

    The n-th worker is of the n-th kind; where the curve falls, no worker goes.
    """
    visits: list[Visit] = []
    before_seconds, before = 0.0, 0
    for at, number in points:
        for n in range(before, number):
            share = (n + 1 - before) / (number - before)
            start = before_seconds + share * (at - before_seconds)
            visits.append(Visit(kind=kinds[len(visits) % len(kinds)], start_seconds=start))
        before_seconds, before = at, max(before, number)
    return visits


def from_rates(
    kinds: Sequence[str],
    rng: np.random.Generator,
    *,
    until_seconds: float,
    stay_seconds: float,
    away_seconds: float,
    notice_seconds: float = 0.0,
    waves: Mapping[float, str] | None = None,
    wave_share: float = 0.8,
    wave_seconds: float = 120.0,
    fitness_sigma: float = 0.0,
) -> list[Visit]:
    """A slot per entry of ``kinds``, each there and away in turn, exponentially distributed.

    ``waves``: at such times the owners of all machines of a kind come back, and take most of them
    (``wave_share``) within ``wave_seconds``. After ``until_seconds`` nobody goes any more.
    ``fitness_sigma``: of the lognormal speed of each machine over its kind's.
    """
    visits: list[Visit] = []
    for kind in kinds:
        taken = sorted(
            at + float(rng.uniform(0.0, wave_seconds))
            for at, struck in (waves or {}).items()
            if struck == kind and rng.random() < wave_share
        )
        fitness = float(np.exp(rng.normal(0.0, fitness_sigma)))
        # As it is in the long run: there or away, in the middle of it.
        there = rng.random() < stay_seconds / (stay_seconds + away_seconds)
        start = 0.0 if there else float(rng.exponential(away_seconds))
        while start < until_seconds:
            end = start + float(rng.exponential(stay_seconds))
            end = min([end, *(at for at in taken if at > start)])
            gone = inf if end >= until_seconds else end
            visits.append(_visit(kind, start, gone, notice_seconds, kind, fitness))
            start = end + float(rng.exponential(away_seconds))
    return _in_order(visits)


def _visit(
    kind: str, start: float, end: float, notice: float, zone: str, fitness: float = 1.0
) -> Visit:
    return Visit(
        kind=kind,
        start_seconds=start,
        end_seconds=end,
        notice_seconds=notice,
        zone=zone,
        fitness=fitness,
    )


def _in_order(visits: list[Visit]) -> list[Visit]:
    return sorted(visits, key=lambda visit: visit.start_seconds)
