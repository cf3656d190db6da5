"""Readings as a worker would send them: with noise, with gaps, and by a clock of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from evaluations.runbook.levers import Floats
from pcm.telemetry.signals import SIGNALS, Reading, Window

START_SECONDS = 1.7e9
_MISSING_READING, _MISSING_WINDOW = 0.003, 0.004
_EVENTS = frozenset(
    name
    for name, signal in SIGNALS.items()
    if any(
        word in name
        for word in (
            "retransmits",
            "out_of_order",
            "drops",
            "errors",
            "ecn_marks",
            "naks",
            "timeouts",
            "not_ready",
            "replays",
        )
    )
)
"""Rates of rare things: whole numbers per window, by chance."""
_SHARES = frozenset(
    name
    for name, signal in SIGNALS.items()
    if "share" in name or "utilisation" in name or "pressure" in name or name == "flows.gini"
)
_EXACT = frozenset(
    (
        "requests.per_second",
        "requests.dispersion",
        "requests.longest_gap_seconds",
        "queue.items",
        "queue.done_per_second",
        "flows.count",
        "flows.top_share",
        "flows.gini",
        "rank.alive",
        "collective.last_share",
        "collective.late_seconds",
        "collective.spread_seconds",
        "pcie.width_share",
    )
)
"""Counted, not estimated."""


class _Source(NamedTuple):
    """Of one worker: its columns, and their values of shape (windows, columns)."""

    worker: str
    kind: str
    signals: list[str]
    places: list[str]
    values: Floats

    def window(self, t: int, end_seconds: float) -> Window:
        row = self.values[t]
        readings = tuple(map(Reading, self.signals, self.places, row.tolist()))
        known = ~np.isnan(row)
        if not known.all():
            readings = tuple(compress(readings, known))
        return Window(self.worker, self.kind, end_seconds, 1.0, readings)


class Recorder:
    """Takes series of readings of all workers and gives them back as windows in order of time."""

    def __init__(self, workers: int, windows: int, chance: Generator) -> None:
        self._columns: list[list[tuple[str, str, Floats]]] = [[] for _ in range(workers)]
        self.windows_count = windows
        self._chance = chance

    def add(
        self,
        signal: str,
        workers: Iterable[int],
        values: Floats,
        places: Sequence[str] | str = "",
        noise: float = 0.04,
    ) -> None:
        """``values`` of shape (windows, len(workers)); NaN where there is no reading."""
        noisy = self._measured(signal, np.asarray(values, np.float64), noise)
        for number, worker in enumerate(workers):
            place = places if isinstance(places, str) else places[number]
            self._columns[worker].append((signal, place, noisy[:, number]))

    def _measured(self, signal: str, values: Floats, noise: float) -> Floats:
        chance = self._chance
        if signal in _EXACT:
            return values
        if signal in _EVENTS:
            counts = chance.poisson(np.nan_to_num(values, nan=0.0).clip(0, 1e6)).astype(np.float64)
            return np.where(np.isnan(values), np.nan, counts)
        measured = values * np.exp(chance.normal(0, noise, values.shape))
        return measured.clip(0, 1) if signal in _SHARES else measured

    def windows(
        self,
        names: Sequence[str],
        kinds: Sequence[str],
        present: Floats,
        observed: Floats,
        lacking: dict[int, frozenset[str]],
    ) -> Iterator[Window]:
        """``present``, ``observed``: shape (windows, workers). A worker that is not there but is
        observed gives what can be seen from outside: its ranks. ``lacking``: families of signals
        (the part of the name before the dot) that a worker has no source for."""
        chance = self._chance
        workers = len(self._columns)
        # What is read is of the same second everywhere; clocks and turns differ by this much.
        offsets = chance.uniform(0.05, 0.35, workers)
        drifts = chance.normal(0, 5e-5, workers)
        sources: list[_Source] = []
        known_ends = np.full((workers, self.windows_count), np.inf)
        for worker, every in enumerate(self._columns):
            lacks = lacking.get(worker, frozenset())
            columns = [column for column in every if column[0].split(".")[0] not in lacks]
            values = np.stack([column[2] for column in columns], axis=1)
            values[chance.random(values.shape) < _MISSING_READING] = np.nan
            gone = present[:, worker] < 0.5
            outside = np.array([column[0].startswith("rank.") for column in columns])
            values[np.ix_(gone, ~outside)] = np.nan
            lost = chance.random(self.windows_count) < _MISSING_WINDOW
            lost |= gone & ~((observed[:, worker] > 0.5) & outside.any())
            jitter = chance.normal(0, 0.004, self.windows_count)
            clock = np.arange(1, self.windows_count + 1) * (1 + drifts[worker]) + jitter
            known_ends[worker] = np.where(lost, np.inf, offsets[worker] + clock)
            signals = [column[0] for column in columns]
            places = [column[1] for column in columns]
            sources.append(_Source(names[worker], kinds[worker], signals, places, values))
        order = np.argsort(known_ends, axis=None)[: int(np.isfinite(known_ends).sum())]
        for worker, t in zip(
            *(i.tolist() for i in np.divmod(order, self.windows_count)), strict=True
        ):
            yield sources[worker].window(t, START_SECONDS + float(known_ends[worker, t]))
