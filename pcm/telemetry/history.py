"""What was read of every place lately, in rings of bounded length: the memory of the runbook.

Places of one scope share their rows, so that signals of one place are found at one row of every
signal's ring. A ring has a slot per second of the manager's clock; a reading that covers several
seconds fills the slots of all of them, and a slot that nothing was read for is not a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np

from pcm.telemetry.signals import SIGNALS, Scope, Window
from pcm.telemetry.statistics import Floats, Integers

SLOTS = 256
"""Seconds that are remembered."""
LONGEST_WINDOW_SLOTS = 64
PLACES_PER_WORKER = 256
"""Of one scope. More than a worker has links and accelerators; a bound against nonsense."""
FIRST_ROWS = 64


class Places:
    """The places of one scope, and a ring for each signal that was read of any of them."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.rows: dict[tuple[int, str], int] = {}
        """By the worker's number and the place's name."""
        self.names: list[tuple[int, str] | None] = []
        """The same, by row; None: nobody's now."""
        self.rings: dict[str, Floats] = {}
        """By signal: ``[SLOTS, rows]``."""
        self.tenancy: list[int] = []
        """By row: how many places it has had, so that no place is taken for its row's last one."""
        self._of_worker: dict[int, int] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self.names)

    def row(self, worker: int, place: str) -> int | None:
        """Of a place, which is made if it is new; None if the worker has too many."""
        row = self.rows.get((worker, place))
        if row is not None:
            return row
        if self._of_worker.get(worker, 0) >= PLACES_PER_WORKER:
            return None
        self._of_worker[worker] = self._of_worker.get(worker, 0) + 1
        if self._free:
            row = self._free.pop()
            self.names[row] = (worker, place)
            self.tenancy[row] += 1
        else:
            row = len(self.names)
            self.names.append((worker, place))
            self.tenancy.append(1)
        self.rows[worker, place] = row
        return row

    def ring(self, signal: str) -> Floats:
        """At least as wide as there are rows."""
        ring = self.rings.get(signal)
        if ring is not None and ring.shape[1] >= len(self.names):
            return ring
        width = max(FIRST_ROWS, 2 * len(self.names))
        wider = np.full((SLOTS, width), np.nan, np.float32)
        if ring is not None:
            wider[:, : ring.shape[1]] = ring
        self.rings[signal] = wider
        return wider

    def forget(self, worker: int) -> None:
        for key in [key for key in self.rows if key[0] == worker]:
            row = self.rows.pop(key)
            self.names[row] = None
            self._free.append(row)
            for ring in self.rings.values():
                if row < ring.shape[1]:
                    ring[:, row] = np.nan
        self._of_worker.pop(worker, None)


class History:
    """Readings in, columns of recent windows out."""

    def __init__(self) -> None:
        self.places = {scope: Places(scope) for scope in Scope}
        self.slot: int | None = None
        """The newest second that anything was read of."""
        self.workers: dict[str, int] = {}
        """The number of each worker that is known."""
        self.names: list[str | None] = []
        self.kinds: list[str] = []
        self.last_slot: list[int] = []
        """By worker: of its last window."""
        self._free: list[int] = []
        self._pending: dict[str, tuple[list[int], list[int], list[float]]] = {}

    def add(self, window: Window) -> None:
        """Keep what was read. Unknown signals are passed over: a worker may be newer than this."""
        end = slot_of(window.end_seconds)
        self.advance(end)
        if self.slot is None or end <= self.slot - SLOTS + LONGEST_WINDOW_SLOTS:
            return
        worker = self._worker(window.worker, window.kind)
        self.last_slot[worker] = max(self.last_slot[worker], end)
        slots = min(max(round(window.seconds), 1), LONGEST_WINDOW_SLOTS)
        places = self.places
        for signal, place, value in window.readings:
            known = SIGNALS.get(signal)
            if known is None:
                continue
            row = places[known.scope].row(worker, place)
            if row is None:
                continue
            pending = self._pending.get(signal)
            if pending is None:
                pending = self._pending[signal] = ([], [], [])
            for slot in range(end - slots + 1, end + 1):
                pending[0].append(slot % SLOTS)
                pending[1].append(row)
                pending[2].append(value)

    def advance(self, slot: int) -> None:
        """To a second, whose slots are empty then; an earlier one than the newest is no news."""
        if self.slot is None:
            self.slot = slot
            return
        if slot <= self.slot:
            return
        self.flush()
        for empty in range(max(self.slot + 1, slot - SLOTS + 1), slot + 1):
            for places in self.places.values():
                for ring in places.rings.values():
                    ring[empty % SLOTS] = np.nan
        self.slot = slot

    def flush(self) -> None:
        """What was added is in the rings afterwards."""
        for signal, (slots, rows, values) in self._pending.items():
            ring = self.places[SIGNALS[signal].scope].ring(signal)
            ring[slots, rows] = values
        self._pending.clear()

    def recent(self, scope: Scope, signal: str, windows: int, skipped: int = 0) -> Floats | None:
        """``[windows, places]``, the newest last, after leaving out the ``skipped`` newest;
        None if the signal was never read."""
        places = self.places[scope]
        if signal not in places.rings or self.slot is None:
            return None
        last = self.slot - skipped
        slots = np.arange(last - windows + 1, last + 1) % SLOTS
        return places.ring(signal)[slots, : len(places)]

    def forget(self, worker: str) -> None:
        number = self.workers.pop(worker, None)
        if number is None:
            return
        self.flush()
        for places in self.places.values():
            places.forget(number)
        self.names[number] = None
        self._free.append(number)

    def silent(self, since_slot: int) -> Iterator[str]:
        """Workers of which nothing was read after that slot."""
        return (
            name for name, number in self.workers.items() if self.last_slot[number] <= since_slot
        )

    def owners(self, scope: Scope) -> Integers:
        """The number of the worker that each row is of; -1: nobody's."""
        return np.array([-1 if key is None else key[0] for key in self.places[scope].names], int)

    def _worker(self, name: str, kind: str) -> int:
        number = self.workers.get(name)
        if number is not None:
            self.kinds[number] = kind
            return number
        if self._free:
            number = self._free.pop()
            self.names[number], self.kinds[number], self.last_slot[number] = name, kind, 0
        else:
            number = len(self.names)
            self.names.append(name)
            self.kinds.append(kind)
            self.last_slot.append(0)
        self.workers[name] = number
        return number


def slot_of(seconds: float) -> int:
    """The slot of a window that ends then."""
    return ceil(seconds - 0.5)
