"""The skew score: a factor >= 1 by which a worker is slower than its class now.

Two estimates meet in it. The *explained* one comes from findings: early, with a cause, and maybe
wrong. The *measured* one comes from batches: late, and true. With ``n`` batches measured the
measured one has the weight ``n / (n + TRUST)`` among the two, as logarithms.

What the scheduler is told is something else: the *news*, which is what findings foresee beyond what
its own measurements have seen by then. It measures batches as well, and takes over from the news
by itself (``pcm.core.estimates.WorkerSpeed``); to be told twice would count double. Without any
finding the news are exactly 1.

Both rise at once and fall by half in ``HALF_LIFE_SECONDS``, and are told in steps of ``STEP`` at
least, so that work does not slosh to and fro.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

from pcm.core.events import SkewChanged
from pcm.telemetry.batch_times import BatchTimes
from pcm.telemetry.findings import Finding

TRUST = 3.0
HALF_LIFE_SECONDS = 10.0
STEP = 1.15
CLOSE = 1.01
"""What has fallen so near to where it falls is there."""
SCORE_MAX = 4.0
LEAST_CONFIDENCE = 0.5
"""Findings below it are shown and change nothing."""


def explained(findings: Sequence[Finding]) -> float:
    """What the findings at one worker let expect: the worst of them, by its confidence. Effects
    are passed over, where their cause is at the same worker and counts itself."""
    here = {finding.id for finding in findings}
    factors = [
        1.0 + (finding.slowdown - 1.0) * finding.confidence
        for finding in findings
        if finding.confidence >= LEAST_CONFIDENCE and finding.explained_by not in here
    ]
    return min(max(factors, default=1.0), SCORE_MAX)


class _Falling:
    """Follows a value upwards at once, downwards slowly."""

    __slots__ = ("_at", "value")

    def __init__(self) -> None:
        self.value, self._at = 1.0, 0.0

    def follow(self, target: float, now: float) -> None:
        if target * CLOSE < self.value:
            share = 0.5 ** (max(0.0, now - self._at) / HALF_LIFE_SECONDS)
            self.value = exp(share * log(self.value) + (1.0 - share) * log(target))
        else:
            self.value = target
        self._at = now


class Score:
    """Of one worker. Times are seconds since 1970."""

    def __init__(self, worker: str, times: BatchTimes) -> None:
        self._worker, self._times = worker, times
        self._seen: dict[str, float] = {}
        """By finding: what batches had shown of it when it was told."""
        self._score, self._news = _Falling(), _Falling()
        self._told = SkewChanged(worker, 1.0)

    @property
    def value(self) -> float:
        return self._score.value

    def settle(self, findings: Sequence[Finding], now: float) -> SkewChanged | None:
        """Given its open findings: what to tell the scheduler, if that has changed."""
        foreseen = explained(findings)
        ratio, count = self._times.ratio(self._worker)
        weight = count / (count + TRUST)
        blend = weight * log(max(ratio, 1.0)) + (1.0 - weight) * log(foreseen)
        self._score.follow(min(exp(blend), SCORE_MAX), now)
        self._news.follow(max(1.0, foreseen / self._shown(findings)), now)
        factor = _stepped(self._news.value, self._told.factor)
        score = _stepped(self._score.value, self._told.score)
        if (factor, score) == (self._told.factor, self._told.score):
            return None
        self._told = SkewChanged(self._worker, factor, score)
        return self._told

    def _shown(self, findings: Sequence[Finding]) -> float:
        open_ids = {finding.id for finding in findings}
        self._seen = {id_: seen for id_, seen in self._seen.items() if id_ in open_ids}
        for finding in findings:
            if finding.id not in self._seen:
                grown = self._times.grown_since(self._worker, finding.since_seconds)
                self._seen[finding.id] = max(1.0, grown)
        return max(self._seen.values(), default=1.0)


def _stepped(value: float, told: float) -> float:
    """The value; what was told, if it is hardly another; 1, if it is hardly more."""
    if value < STEP:
        return 1.0
    return told if told / STEP < value < told * STEP else value
