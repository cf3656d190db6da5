"""Worker seconds by use, of all workers together, until any moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pcm.chronicle.pieces import LOADING, LOST, USEFUL, Stretch
from pcm.chronicle.ramps import Ramp, Ramps
from pcm.chronicle.waits import Waits

Floats = NDArray[np.float64]
Late = list[Ramps]
"""By use."""


class Uses(NamedTuple):
    """Worker seconds until some moments, as ``pcm.report.figures.Split`` defines the parts; arrays
    of one shape."""

    useful: Floats
    loading: Floats
    lost: Floats
    idle: Floats
    no_work: Floats


class Totals:
    """Unix seconds, but inside from ``origin`` on: sums of large numbers would lose the small."""

    def __init__(self, waits: Waits) -> None:
        self.origin = 0.0
        self._waits = waits
        self._joined = Ramp()
        self._by_use = tuple(Ramp() for _ in (USEFUL, LOST, LOADING))

    def joined(self, at: float) -> None:
        self._joined.begin(at - self.origin, self._waits.until(at))

    def left(self, at: float) -> None:
        self._joined.end(at - self.origin, self._waits.until(at))

    def add(self, pieces: Iterable[Stretch]) -> None:
        """Pieces of one worker, which overlap no others of it."""
        for piece in pieces:
            _add(self._by_use[piece.use], piece, self.origin, self._waits)

    def late(self, pieces: Sequence[Stretch]) -> Late:
        """Pieces that were not added, as they look now: for ``until``."""
        table = np.array(pieces, float).reshape(-1, len(Stretch._fields))
        waited = self._waits.until_each(table[:, :2].ravel()).reshape(-1, 2)
        since = table[:, :2] - self.origin
        found = []
        for use in range(len(self._by_use)):
            some = table[:, 2] == use
            found.append(Ramps(*since[some].T, *waited[some].T))
        return found

    def until(self, times: Floats, late: Late) -> Uses:
        """Until each of the times; arrays of their shape."""
        waited = self._waits.until_each(times)
        since = times - self.origin
        useful, lost, loading = (
            ramp.passed(since, waited) + more.passed(since, waited)
            for ramp, more in zip(self._by_use, late, strict=True)
        )
        free = self._joined.passed(since, waited) - useful - lost - loading
        return Uses(  # without what rounding leaves below 0
            useful=np.maximum(useful.seconds, 0.0),
            loading=np.maximum(loading.seconds, 0.0),
            lost=np.maximum(lost.seconds, 0.0),
            idle=np.maximum(free.waiting, 0.0),
            no_work=np.maximum(free.seconds - free.waiting, 0.0),
        )


def _add(ramp: Ramp, piece: Stretch, origin: float, waits: Waits) -> None:
    ramp.begin(piece.start - origin, waits.until(piece.start))
    ramp.end(piece.stop - origin, waits.until(piece.stop))
