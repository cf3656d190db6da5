"""Loads of contexts onto workers: a table of those that ended, failures and evictions."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcm.chronicle.columns import Records, Steps, read


class Loads(NamedTuple):
    """Those that had ended by a moment, in that order; arrays of one shape, times unix seconds.
    ``lane`` and ``context``: places in the chronicle's lists. ``ok``: 1 if it is ready, 0 if not.
    ``again``: 1 if the worker had it before."""

    lane: NDArray[np.int32]
    context: NDArray[np.int16]
    began_at: NDArray[np.float64]
    ended_at: NDArray[np.float64]
    ok: NDArray[np.int8]
    again: NDArray[np.int8]


class Failure(NamedTuple):
    """A context could not be loaded (``loading``), or its process died."""

    at: float
    lane: int
    context: int
    kind: str
    error: str
    loading: bool


class LoadTable:
    def __init__(self) -> None:
        self._ended_at = array("d")
        self._loads = Records("ihddbb")
        self.failures: list[Failure] = []
        self._evictions: tuple[array[float], array[int]] = (array("d"), array("h"))
        self._moved: dict[tuple[int, str], Steps] = {}
        """Bytes in all, by context and source."""

    def ended(
        self, lane: int, context: int, began: float, at: float, *, warm: bool, again: bool
    ) -> None:
        self._ended_at.append(at)
        self._loads.append(lane, context, began, at, warm, again)

    def evicted(self, context: int, at: float) -> None:
        self._evictions[0].append(at)
        self._evictions[1].append(context)

    def came(self, context: int, source: str, size_bytes: int, at: float) -> None:
        steps = self._moved.setdefault((context, source), Steps("q"))
        steps.note(at, steps.at(at)[0] + size_bytes)

    def moved_bytes(self, context: int, source: str, at: float) -> int:
        """Brought to workers from a source until a moment."""
        steps = self._moved.get((context, source))
        return 0 if steps is None else int(steps.at(at)[0])

    def until(self, at: float) -> Loads:
        return Loads._make(self._loads.read(bisect_right(self._ended_at, at)))

    def evictions(self, at: float) -> NDArray[np.int16]:
        """The context of each that was given up on a worker which stayed."""
        return read(self._evictions[1], bisect_right(self._evictions[0], at))
