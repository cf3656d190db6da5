"""What the manager's loop does with telemetry: windows by its own clock, watched by a monitor.

A fault in here costs the telemetry and nothing else: it is logged, workers are as fast as their
batches say, and runs go on.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from math import inf
from typing import Concatenate, ParamSpec, TypeVar

from pcm.core.batch import Batch
from pcm.core.events import BatchDone, Event, SkewChanged, WorkerJoined, WorkerLeft
from pcm.telemetry.clocks import Clock
from pcm.telemetry.monitor import PERIOD_SECONDS, Monitor, Settled
from pcm.telemetry.remedies import Remedies, Remedy
from pcm.telemetry.windows import window_of
from workers.protocol import Telemetry

log = logging.getLogger("pcm")

SEEN_BY_THE_WORKER = ("requests.", "queue.", "egress.gap_", "egress.delay_")
BESIDE_SECONDS = 10.0
"""Whoever has told nothing for so long tells no more."""

P = ParamSpec("P")
T = TypeVar("T")
Method = Callable[Concatenate["Skew", P], T]


def harmless(otherwise: Callable[[], T]) -> Callable[[Method[P, T]], Method[P, T]]:
    """Of a method whose fault must not end the loop: what it gives then, and ever after."""

    def made_so(method: Method[P, T]) -> Method[P, T]:
        @functools.wraps(method)
        def guarded(self: Skew, /, *args: P.args, **options: P.kwargs) -> T:
            if not self.failed:
                try:
                    return method(self, *args, **options)
                except Exception:
                    self.failed = True
                    log.exception("telemetry is not heeded any more")
            return otherwise()

        return guarded

    return made_so


def _never() -> float | None:
    return None


def _none() -> list[Remedy]:
    return []


class Skew:
    """Belongs to the loop's thread. Times are seconds since 1970."""

    def __init__(self, *, closed_loop: bool = False) -> None:
        """``closed_loop``: whether something is done about findings, beyond the scores."""
        self.monitor = Monitor()
        self.failed = False
        self._remedies = Remedies() if closed_loop else None
        self._kinds: dict[str, str] = {}
        self._clocks: dict[str, Clock] = {}
        """Of workers that send telemetry themselves."""
        self._beside: dict[str, dict[str, float]] = {}
        """By worker and signal: when somebody beside it told that last."""
        self._settled_at = 0.0

    @harmless(lambda: None)
    def observed(self, worker: str, telemetry: Telemetry, now: float) -> None:
        """It has just come from the worker, by whose clock it ends."""
        if worker not in self._kinds:
            return
        clock = self._clocks.get(worker)
        if clock is None:
            clock = self._clocks[worker] = Clock()
        clock.news(telemetry.end_seconds, now)
        beside = self._beside.get(worker, {})
        self._take(
            worker,
            telemetry,
            clock.to_manager(telemetry.end_seconds),
            now,
            lambda signal: (
                signal.startswith(SEEN_BY_THE_WORKER)
                or now - beside.get(signal, -inf) > BESIDE_SECONDS
            ),
        )

    @harmless(lambda: None)
    def seen(self, worker: str, telemetry: Telemetry, end_seconds: float, now: float) -> None:
        """From beside the worker, its end by the manager's clock. What both tell is believed of the
        one who sees it: batches of the worker, packets of who watches them."""
        own = worker in self._clocks
        self._take(
            worker,
            telemetry,
            end_seconds,
            now,
            lambda signal: not (own and signal.startswith(SEEN_BY_THE_WORKER)),
        )
        if worker in self._kinds:
            told = dict.fromkeys((signal for signal, _, _ in telemetry.readings), now)
            self._beside.setdefault(worker, {}).update(told)

    def _take(
        self,
        worker: str,
        telemetry: Telemetry,
        end_seconds: float,
        now: float,
        heeded: Callable[[str], bool],
    ) -> None:
        """Dropped if the worker is not there (any more)."""
        kind = self._kinds.get(worker)
        if kind is None:
            return
        window = window_of(worker, kind, telemetry, end_seconds)
        readings = () if window is None else tuple(r for r in window.readings if heeded(r.signal))
        if window is not None and readings:
            self.monitor.take(window._replace(readings=readings), now)

    @harmless(lambda: None)
    def heard(self, event: Event, lease: Batch | None, now: float) -> None:
        """Before the core is told; ``lease``: the event's batch."""
        if isinstance(event, BatchDone) and lease is not None:
            kind = self._kinds[lease.worker]
            self.monitor.batch_done(
                lease.run, kind, lease.worker, event.run_seconds, lease.cost, now
            )
        elif isinstance(event, WorkerJoined):
            self._kinds[event.worker] = event.capacity.kind
        elif isinstance(event, WorkerLeft):
            self._kinds.pop(event.worker, None)
            self._clocks.pop(event.worker, None)
            self._beside.pop(event.worker, None)
            self.monitor.left(event.worker)

    @harmless(lambda: None)
    def run_over(self, run: str) -> None:
        self.monitor.run_over(run)

    @harmless(_never)
    def due_in_seconds(self, now: float) -> float | None:
        """When ``settle`` has something to do; None while there is no telemetry."""
        if not self.monitor.is_needed:
            return None
        return max(0.0, self._settled_at + PERIOD_SECONDS - now)

    def settle(self, now: float) -> Settled:
        """What has changed. After a fault nobody is slow."""
        before = self.failed
        settled = self._settle(now)
        if self.failed and not before:
            return Settled([], [SkewChanged(worker, 1.0) for worker in self._kinds])
        return settled

    @harmless(lambda: Settled([], []))
    def _settle(self, now: float) -> Settled:
        self._settled_at = now
        return self.monitor.settle(now)

    @harmless(_none)
    def remedies(self, now: float) -> list[Remedy]:
        """What is to be done now; nothing, unless the loop is closed."""
        if self._remedies is None:
            return []
        scores = {worker: self.monitor.score(worker) for worker in self._kinds}
        return self._remedies.decide(self.monitor.findings, scores, self._kinds, now)
