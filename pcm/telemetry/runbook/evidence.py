"""Statistics of all places at the newest second, each computed once for all conditions.

A statistic is an array with a number per place of its signal's scope: not a number where too
little was read. ``lifted`` carries it to the places of another scope of the same worker.
"""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum

import numpy as np

from pcm.telemetry import statistics
from pcm.telemetry.history import SLOTS, History
from pcm.telemetry.runbook.derived import DERIVED, scope_of, sources, unit_of
from pcm.telemetry.signals import Scope
from pcm.telemetry.statistics import Floats, Integers, as_floats

WINDOWS = 5
"""The level is the median of so many, so that two odd ones of them are nothing."""
WINDOWS_READ = 2
SLOPE_WINDOWS = MEAN_WINDOWS = 10
LASTING_WINDOWS = 54
LASTING_PAST_READ = 40
"""Seconds before those, at least, that they are compared with."""
PAST_SKIPPED = 15
"""The newest seconds are not yet the past: what begins slowly must not hide itself."""
PAST_STEP = 2
"""Every so many seconds of the past are taken."""
PAST_READ = 12
"""With fewer quiet ones of them there is no past."""
REFRESH_SLOTS = 10
FLEET_READ = 4
"""With fewer of a kind there is no fleet: a median of three is moved by the ill one and a twin."""
LEAST = {"s": 1e-6, "1": 0.02, "1/s": 0.2, "B/s": 1e4, "B": 1e3, "s/GB": 1e-3, "1/B": 1e-9}
"""By unit: the spread that is believed even of a signal that never moves."""


class Statistic(StrEnum):
    LEVEL = "level"
    """The median of the newest windows."""
    LOWEST = "lowest"
    """The least of the newest windows."""
    MEAN = "mean"
    """Of twice as many windows: for what is counted, and is rare."""
    SLOPE = "slope"
    """Per second."""
    PAST_Z = "past_z"
    PAST_RATIO = "past_ratio"
    """Level / median of the place's own quiet past."""
    FLEET_Z = "fleet_z"
    FLEET_RATIO = "fleet_ratio"
    """Level / median of the same signal of the same kind of worker."""
    LASTING_MEAN = "lasting_mean"
    """Of about a minute: for what comes and goes by itself for half of one."""
    LASTING_RATIO = "lasting_ratio"
    """That mean / the mean of all that is remembered of before."""
    GROUP_RATIO = "group_ratio"
    """Level / median of the other places of the group: ranks of a group, accelerators of a node."""


LONGER = {
    Statistic.SLOPE: SLOPE_WINDOWS,
    Statistic.MEAN: MEAN_WINDOWS,
    Statistic.LASTING_MEAN: LASTING_WINDOWS,
    Statistic.LASTING_RATIO: LASTING_WINDOWS,
}


class Evidence:
    def __init__(self, history: History) -> None:
        self.history = history
        self.quiet = np.ones((SLOTS, 64), bool)
        """By slot and worker: no finding there."""
        self._past: dict[str, tuple[Floats, Floats, Integers]] = {}
        """By signal: median and deviation of the quiet past, and the rows' tenancies then."""
        self._turns: dict[str, int] = {}
        self._now: dict[tuple[Statistic, str], Floats | None] = {}
        self._owners: dict[Scope, Integers] = {}
        self._kinds: dict[Scope, Integers] = {}
        self._groups: Integers | None = None

    def begin(self) -> None:
        """A new second: what was computed for the last one is void."""
        self.history.flush()
        self._now.clear()
        self._owners.clear()
        self._kinds.clear()
        self._groups = None
        workers = len(self.history.names)
        if workers > self.quiet.shape[1]:
            self.quiet = np.pad(self.quiet, ((0, 0), (0, workers)), constant_values=True)
        assert self.history.slot is not None
        self.quiet[self.history.slot % SLOTS] = True

    def disturbed(self, workers: Integers) -> None:
        """These are not quiet in this second."""
        assert self.history.slot is not None
        self.quiet[self.history.slot % SLOTS, workers] = False

    def disturbed_since(self, worker: int, slot: int) -> None:
        """Nor was it in the seconds from that slot to this one."""
        assert self.history.slot is not None
        first = max(slot, self.history.slot - SLOTS + 1)
        self.quiet[np.arange(first, self.history.slot + 1) % SLOTS, worker] = False

    def of(self, statistic: Statistic, signal: str) -> Floats | None:
        """By place of the signal's scope; None: the signal was never read of anybody."""
        key = (statistic, signal)
        if key not in self._now:
            self._now[key] = self._compute(statistic, signal)
        return self._now[key]

    def lifted(self, values: Floats, source: Scope, scope: Scope, greatest: bool) -> Floats:
        """From the places of one scope to those of another: the worker's own number where it has
        one, else the greatest (or least) of its places."""
        if source is scope:
            return values
        workers = np.full(len(self.history.names) + 1, np.nan, np.float32)
        (np.fmax if greatest else np.fmin).at(workers, self.owners(source), values)
        workers[-1] = np.nan  # of rows that are nobody's
        return workers[self.owners(scope)]

    def owners(self, scope: Scope) -> Integers:
        if scope not in self._owners:
            self._owners[scope] = self.history.owners(scope)
        return self._owners[scope]

    def series(self, signal: str, windows: int, skipped: int = 0) -> Floats | None:
        """``[windows, places]``, the newest last."""
        scope = scope_of(signal)
        read = [self.history.recent(scope, name, windows, skipped) for name in sources(signal)]
        if any(values is None for values in read):
            return None
        if quotient := DERIVED.get(signal):
            above, below = (values for values in read if values is not None)
            least = np.float32(quotient.least)
            told = np.where(below >= least, np.maximum(below, least), np.float32(np.nan))
            return as_floats(above / told)
        return read[0]

    def _compute(self, statistic: Statistic, signal: str) -> Floats | None:
        windows = LONGER.get(statistic, WINDOWS)
        values = self.series(signal, windows)
        if values is None:
            return None
        match statistic:
            case Statistic.SLOPE:
                return statistics.slope(values)
            case Statistic.LEVEL:
                return statistics.middle(values, WINDOWS_READ)
            case Statistic.LOWEST:
                return as_floats(np.min(values, axis=0))
            case Statistic.MEAN | Statistic.LASTING_MEAN:
                return statistics.mean(values, windows // 2)
            case _:
                return self._compared(statistic, signal)

    def _compared(self, statistic: Statistic, signal: str) -> Floats:
        """The level against the place's past or against other places, a minute against before."""
        if statistic is Statistic.LASTING_RATIO:
            return self._lasting(signal)
        level = self.of(Statistic.LEVEL, signal)
        assert level is not None
        if statistic in (Statistic.PAST_Z, Statistic.PAST_RATIO):
            median, spread = self._of_past(signal, len(level))
        else:
            median, spread = self._of_others(statistic, signal, level)
        least = LEAST[unit_of(signal)]
        if statistic in (Statistic.PAST_Z, Statistic.FLEET_Z):
            return statistics.robust_z(level, median, spread, least)
        return as_floats(level / np.maximum(np.abs(median), np.float32(least)))

    def _lasting(self, signal: str) -> Floats:
        """Of quiet seconds and others: what lasts for minutes is found before it is usual."""
        now = self.of(Statistic.LASTING_MEAN, signal)
        before = self.series(signal, SLOTS - LASTING_WINDOWS, LASTING_WINDOWS)
        assert now is not None
        assert before is not None
        usual = statistics.mean(before, LASTING_PAST_READ)
        return as_floats(now / np.maximum(usual, np.float32(LEAST[unit_of(signal)])))

    def _of_past(self, signal: str, rows: int) -> tuple[Floats, Floats]:
        slot = self.history.slot
        assert slot is not None
        # Signals take turns, so that no second has all the work.
        turn = self._turns.setdefault(signal, len(self._turns))
        if signal not in self._past or (slot + turn) % REFRESH_SLOTS == 0:
            self._refresh(signal)
        median, spread, tenancy = self._past[signal]
        missing = rows - len(median)
        if missing > 0:
            median = np.pad(median, (0, missing), constant_values=np.nan)
            spread = np.pad(spread, (0, missing), constant_values=np.nan)
            tenancy = np.pad(tenancy, (0, missing))
        same = tenancy == np.array(self.history.places[scope_of(signal)].tenancy)
        return np.where(same, median, np.nan), np.where(same, spread, np.nan)

    def _refresh(self, signal: str) -> None:
        slot = self.history.slot
        assert slot is not None
        scope = scope_of(signal)
        values = self.series(signal, SLOTS - PAST_SKIPPED, PAST_SKIPPED)
        assert values is not None
        slots = np.arange(slot - SLOTS + 1, slot - PAST_SKIPPED + 1) % SLOTS
        owners = self.owners(scope)
        values = values[::PAST_STEP]
        calm = self.quiet[slots[::PAST_STEP]][:, owners]
        values = np.where(calm, values, np.float32(np.nan))
        median = statistics.middle(values, PAST_READ)
        spread = statistics.deviation(values, median, PAST_READ)
        tenancy = np.array(self.history.places[scope].tenancy)
        if signal in self._past:  # a past that is too short of quiet seconds stays as it was
            old_median, old_spread, old_tenancy = self._past[signal]
            known = len(old_median)
            stays = np.isnan(median[:known]) & (old_tenancy == tenancy[:known])
            median[:known][stays] = old_median[stays]
            spread[:known][stays] = old_spread[stays]
        self._past[signal] = (median, spread, tenancy)

    def _of_others(self, statistic: Statistic, signal: str, level: Floats) -> tuple[Floats, Floats]:
        scope = scope_of(signal)
        if statistic is Statistic.GROUP_RATIO:
            groups = self._rank_groups() if scope is Scope.RANK else self.owners(scope)
            median, spread, number = statistics.by_group(level, groups, 2)
            # Of two places the median is their mean; the other one is what to compare with.
            median = np.where(number == 2, 2 * median - level, median)
            return median, spread
        median, spread, _ = statistics.by_group(level, self.kinds(scope), FLEET_READ)
        return median, spread

    def kinds(self, scope: Scope) -> Integers:
        """A number per place: the same for places of workers of the same kind."""
        if scope not in self._kinds:
            of_worker = np.unique([*self.history.kinds, ""], return_inverse=True)[1]
            self._kinds[scope] = of_worker[self.owners(scope)]
        return self._kinds[scope]

    def _rank_groups(self) -> Integers:
        """A number per rank: the same within its group. A group of that name is one across workers,
        unless two workers have the same rank of it: then each worker has a group of that name."""
        if self._groups is not None:
            return self._groups
        names = self.history.places[Scope.RANK].names
        workers: dict[str, set[int]] = defaultdict(set)
        for key in names:
            if key is not None:
                workers[key[1]].add(key[0])
        alone = {place.partition(":")[0] for place, owners in workers.items() if len(owners) > 1}
        numbers: dict[tuple[int, str], int] = {}
        groups = []
        for key in names:
            worker, place = key or (-1, "")
            group = place.partition(":")[0]
            which = (worker if group in alone or worker < 0 else -2, group)
            groups.append(numbers.setdefault(which, len(numbers)))
        self._groups = np.array(groups, int)
        return self._groups
