"""Windows in; findings and what the scheduler should be told, out.

Joins the runbook's detector with the scores. The manager's loop owns it: what it is told comes in
the order in which the loop hears it, and time comes with it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

import msgspec

from pcm.core.events import SkewChanged
from pcm.telemetry.batch_times import BatchTimes
from pcm.telemetry.runbook import Detector, Finding
from pcm.telemetry.score import Score
from pcm.telemetry.signals import Window

PERIOD_SECONDS = 1.0
LATENESS_MAX_SECONDS = 15.0
LATENESS_MEMORY = 0.99
"""Of the greatest lateness of windows this share is left a second later."""


class Settled(NamedTuple):
    """``findings`` that were opened, closed, explained or grew stronger; scores that changed."""

    findings: list[Finding]
    changes: list[SkewChanged]


class SkewView(msgspec.Struct, frozen=True):
    """``scores``: by worker, of those that telemetry comes from; ``findings``: those that last,
    causes before effects."""

    scores: dict[str, float] = {}
    findings: list[Finding] = []


class Monitor:
    def __init__(self) -> None:
        self._detector = Detector()
        self._times = BatchTimes()
        self._scores: dict[str, Score] = {}
        """Of those that telemetry ever said something of."""
        self._changed: dict[str, Finding] = {}
        self._windows: list[Window] = []
        self._lateness_seconds = PERIOD_SECONDS
        """So long after its end a second has its windows: some engines bring several at once."""

    @property
    def findings(self) -> list[Finding]:
        """Those that last, causes before effects."""
        return self._detector.open

    def view(self) -> SkewView:
        scores = {worker: score.value for worker, score in self._scores.items()}
        return SkewView(scores, self.findings)

    @property
    def held(self) -> int:
        """Windows that wait for others of their second."""
        return len(self._windows)

    @property
    def is_needed(self) -> bool:
        """Whether time alone may change something."""
        return bool(self._scores) or bool(self._windows)

    def score(self, worker: str) -> float:
        """Exactly 1 where there never was telemetry."""
        score = self._scores.get(worker)
        return 1.0 if score is None else score.value

    def take(self, window: Window, now: float) -> None:
        if window.worker not in self._scores:
            self._scores[window.worker] = Score(window.worker, self._times)
        late_seconds = min(now - window.end_seconds, LATENESS_MAX_SECONDS)
        self._lateness_seconds = max(self._lateness_seconds, late_seconds)
        self._windows.append(window)

    def batch_done(
        self, run: str, kind: str, worker: str, seconds: float, cost: float, now: float
    ) -> None:
        """It took so many seconds in the task."""
        self._times.observe(run, kind, worker, seconds, cost, now - seconds)

    def left(self, worker: str) -> None:
        self._times.forget(worker)
        if self._scores.pop(worker, None) is not None:
            self._note(self._detector.forget(worker))
            self._windows = [window for window in self._windows if window.worker != worker]

    def run_over(self, run: str) -> None:
        self._times.forget_run(run)

    def settle(self, now: float) -> Settled:
        """What has changed since the last time; to be called every PERIOD_SECONDS."""
        known_until = now - self._lateness_seconds
        self._windows.sort(key=lambda window: window.end_seconds)
        ready = bisect_right(self._windows, known_until, key=lambda window: window.end_seconds)
        windows, self._windows = self._windows[:ready], self._windows[ready:]
        self._note(self._detector.observe(windows))
        self._note(self._detector.advance(known_until))
        self._lateness_seconds = max(PERIOD_SECONDS, self._lateness_seconds * LATENESS_MEMORY)
        by_worker: dict[str, list[Finding]] = {}
        for finding in self._detector.open:
            by_worker.setdefault(finding.worker, []).append(finding)
        changes = []
        for worker, score in self._scores.items():
            change = score.settle(by_worker.get(worker, ()), now)
            if change is not None:
                changes.append(change)
        changed, self._changed = self._changed, {}
        return Settled(list(changed.values()), changes)

    def _note(self, findings: list[Finding]) -> None:
        self._changed.update((finding.id, finding) for finding in findings)
