"""What happened when: what the books only sum is kept here, in the order of the log."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcm.core.commands import Dispatch
from pcm.journal import LoggedEvent
from pcm.report.bound import Stay
from pcm.report.lanes import Lane, lane_of
from pcm.report.tally import Tally
from pcm.report.timeline import Course
from pcm.report.waterfall import Waterfall, waterfall

Array = NDArray[np.float64]

NOTABLE = frozenset({"Finding", "Remedy", "ActionTaken", "ManagerStarted", "ManagerStopped"})


class SittingSpan(NamedTuple):
    """Unix seconds, and the seconds that sittings took before this one."""

    began: float
    ended: float
    before: float


class Load(NamedTuple):
    context: str
    kind: str
    seconds: float
    at: float


class History(Tally):
    """Fill it by ``pcm.report.accounting.go_through(history.watch(log), history, ...)``."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes: list[Lane] = []
        """In the order of their ends; those of a sitting stand together."""
        self.sittings: list[SittingSpan] = []
        self.waterfalls: list[Waterfall] = []
        """One per sitting."""
        self.loads: list[Load] = []
        self.failed_loads: list[tuple[str, float]] = []
        """Context and when."""
        self.kinds: Counter[str] = Counter()
        """How many entries of each kind the log has."""
        self.notable: list[LoggedEvent] = []
        """What people want to read one by one."""
        self._first_lane = 0
        self._decided = array("d"), array("q")
        self._batches = array("d"), array("Q")

    def watch(self, log: Iterable[LoggedEvent]) -> Iterator[LoggedEvent]:
        for entry in log:
            self.kinds[entry.kind] += 1
            if entry.kind in NOTABLE:
                self.notable.append(entry)
            yield entry

    def decided(self, items: int, at: float) -> None:
        if items:
            self._decided[0].append(at)
            self._decided[1].append(items)

    def dispatched(self, command: Dispatch, at: float) -> None:
        super().dispatched(command, at)
        self._batches[0].append(at)
        self._batches[1].append(command.item_count)

    def context_loaded(self, context: str, kind: str, seconds: float, at: float) -> None:
        super().context_loaded(context, kind, seconds, at)
        self.loads.append(Load(context, kind, seconds, at))

    def load_failed(self, context: str, at: float) -> None:
        super().load_failed(context, at)
        self.failed_loads.append((context, at))

    def worker_went(self, course: Course) -> None:
        self.lanes.append(lane_of(course))

    def sitting_ended(self, began: float, ended: float, stays: list[Stay], bound: float) -> None:
        super().sitting_ended(began, ended, stays, bound)
        lanes = self.lanes[self._first_lane :]
        self._first_lane = len(self.lanes)
        self.waterfalls.append(waterfall(lanes, stays, began, ended, bound))
        self.sittings.append(SittingSpan(began, ended, self.seconds))

    @property
    def seconds(self) -> float:
        """In which a manager worked on the run."""
        if not self.sittings:
            return 0.0
        last = self.sittings[-1]
        return last.before + last.ended - last.began

    def elapsed(self, at: Array) -> Array:
        """Seconds of work on the run before moments of it: the time between sittings left out."""
        if not self.sittings:
            return np.zeros_like(at)
        spans = np.array(self.sittings)
        number = np.clip(np.searchsorted(spans[:, 0], at, side="right") - 1, 0, None)
        began, ended, before = spans[number].T
        passed: Array = before + np.clip(at, began, ended) - began
        return passed

    def decisions(self) -> tuple[Array, NDArray[np.int64]]:
        """When items had their final outcome (elapsed seconds), and how many."""
        return self.elapsed(np.array(self._decided[0])), np.array(self._decided[1], np.int64)

    def dispatches(self) -> tuple[Array, NDArray[np.int64]]:
        """When batches were sent (elapsed seconds), and of how many items."""
        return self.elapsed(np.array(self._batches[0])), np.array(self._batches[1], np.int64)
