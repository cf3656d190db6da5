"""Weights on their way: from the origin, or from a worker that has them, so many at a time each.

Whoever waits longest is served first, by the source that serves fewest, a worker before the origin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pcm.engines.simulated.clock import Clock
from pcm.engines.simulated.scenario import Links

ORIGIN = ""


@dataclass(eq=False)
class _Want:
    worker: str
    size_bytes: float
    arrived: Callable[[], None]
    source: str | None = None
    """None while it waits."""


class Transfers:
    """Of one context's weights."""

    def __init__(self, clock: Clock, links: Links) -> None:
        self._clock, self._links = clock, links
        self._wants: dict[str, _Want] = {}
        """In the order of asking."""
        self._serving = {ORIGIN: 0}
        """By source: how many it serves."""

    def want(self, worker: str, size_bytes: float, arrived: Callable[[], None]) -> None:
        self._wants[worker] = _Want(worker, size_bytes, arrived)
        self._serve()

    def gone(self, worker: str) -> None:
        """The worker neither waits nor serves any more; whom it served begins again."""
        want = self._wants.pop(worker, None)
        if want is not None and want.source is not None and want.source in self._serving:
            self._serving[want.source] -= 1
        if self._serving.pop(worker, None):
            for other in self._wants.values():
                if other.source == worker:
                    other.source = None
        self._serve()

    def _serve(self) -> None:
        for want in self._wants.values():
            if want.source is None:
                source = self._source()
                if source is None:
                    return
                want.source = source
                self._serving[source] += 1
                links = self._links
                rate = links.peer_bytes_per_second if source else links.origin_bytes_per_second
                self._clock.after(want.size_bytes / rate, partial(self._end, want, source))

    def _source(self) -> str | None:
        links = self._links
        if links.peer_streams:
            serving = [(n, name) for name, n in self._serving.items() if name != ORIGIN]
            if serving:
                least, name = min(serving)
                if least < links.peer_streams:
                    return name
        return ORIGIN if self._serving[ORIGIN] < links.origin_streams else None

    def _end(self, want: _Want, source: str) -> None:
        if self._wants.get(want.worker) is not want or want.source != source:
            return  # its worker is gone, or its source was
        del self._wants[want.worker]
        self._serving[source] -= 1
        self._serving[want.worker] = 0
        want.arrived()
        self._serve()
