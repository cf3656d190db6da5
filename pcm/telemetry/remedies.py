"""What pcm does about findings by itself, in closed loop: replace a worker, stagger transfers.

What a batch's size and its place can do, the score does already: a slow worker gets less work and
the last batches go elsewhere. Here are the deeds that cost something, so each has its brake. A
worker is replaced only for a cause that moves away with it, after the finding has lasted, and while
its class has others that are well; of the fleet only a few in a while, and ever fewer if whoever
comes in its place is found to be no better. Transfers are staggered while a link is found to be
full, and for a while after that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from pcm.telemetry.findings import Finding

MOVES_AWAY = frozenset({"NS4", "NS7", "PC6", "PC8", "EW1", "EW6"})
"""Conditions of a machine, its path or its neighbours: elsewhere they are gone."""
FULL_LINK = frozenset({"NS9", "PC5", "EW4"})
LEAST_SCORE = 1.8
LEAST_CONFIDENCE = 0.6
LASTED_SECONDS = 30.0
WHILE_SECONDS = 300.0
WHILE_SECONDS_MAX = 3600.0
SHARE_IN_A_WHILE = 0.1
"""Of the fleet, but always one."""
PROVING_SECONDS = 600.0
"""So long after a replacement another one of the same class and condition says it was no use."""
CALM_SECONDS = 60.0


class Remedy(msgspec.Struct, frozen=True):
    """Something that is done about a finding. Goes into the event log."""

    kind: Literal["replace", "stagger", "unstagger"]
    worker: str
    """Empty where it is about all transfers."""
    finding: str
    reason: str


class Remedies:
    """Times are seconds since 1970."""

    def __init__(self) -> None:
        self._replaced: deque[tuple[float, str, str]] = deque()
        """When, the worker's kind, the condition."""
        self._learned_of: set[str] = set()
        self._while_seconds = WHILE_SECONDS
        self._full_at: float | None = None
        """When a link was found to be full last, while transfers are staggered."""

    def decide(
        self,
        findings: Sequence[Finding],
        scores: Mapping[str, float],
        kinds: Mapping[str, str],
        now: float,
    ) -> list[Remedy]:
        """``findings`` that last; ``scores`` and ``kinds`` by worker, of all that are there."""
        roots = [finding for finding in findings if finding.is_root]
        return [*self._staggering(roots, now), *self._replacing(roots, scores, kinds, now)]

    def _staggering(self, roots: Sequence[Finding], now: float) -> list[Remedy]:
        full = [finding for finding in roots if finding.condition in FULL_LINK]
        was_full = self._full_at is not None
        if full:
            self._full_at = now
            if not was_full:
                return [Remedy("stagger", "", full[0].id, full[0].name)]
        elif self._full_at is not None and now - self._full_at >= CALM_SECONDS:
            self._full_at = None
            return [Remedy("unstagger", "", "", f"no full link for {CALM_SECONDS:.0f} s")]
        return []

    def _replacing(
        self,
        roots: Sequence[Finding],
        scores: Mapping[str, float],
        kinds: Mapping[str, str],
        now: float,
    ) -> list[Remedy]:
        while self._replaced and self._replaced[0][0] < now - WHILE_SECONDS_MAX:
            self._replaced.popleft()
        if not self._replaced:
            self._while_seconds = WHILE_SECONDS
            self._learned_of.clear()
        ill = {finding.worker for finding in roots if finding.condition in MOVES_AWAY}
        candidates = [finding for finding in roots if self._is_ripe(finding, scores, now)]
        remedies: list[Remedy] = []
        for finding in sorted(candidates, key=lambda one: -scores[one.worker]):
            kind = kinds.get(finding.worker)
            well = [w for w, other in kinds.items() if other == kind and w not in ill]
            if kind is None or not well or any(r.worker == finding.worker for r in remedies):
                continue
            self._learn(kind, finding, now)
            if not self._may(len(kinds), now):
                break
            self._replaced.append((now, kind, finding.condition))
            score = scores[finding.worker]
            reason = f"{score:.1f} times slower than its kind: {finding.name}"
            remedies.append(Remedy("replace", finding.worker, finding.id, reason))
        return remedies

    def _is_ripe(self, finding: Finding, scores: Mapping[str, float], now: float) -> bool:
        return (
            finding.condition in MOVES_AWAY
            and finding.confidence >= LEAST_CONFIDENCE
            and now - finding.found_seconds >= LASTED_SECONDS
            and scores.get(finding.worker, 1.0) >= LEAST_SCORE
        )

    def _learn(self, kind: str, finding: Finding, now: float) -> None:
        """Whether the last one was of use, told by each finding once."""
        if finding.id in self._learned_of:
            return
        self._learned_of.add(finding.id)
        alike = [at for at, *what in self._replaced if what == [kind, finding.condition]]
        if alike and finding.since_seconds > alike[-1] > now - PROVING_SECONDS:
            self._while_seconds = min(2.0 * self._while_seconds, WHILE_SECONDS_MAX)

    def _may(self, fleet: int, now: float) -> bool:
        lately = sum(at > now - self._while_seconds for at, _, _ in self._replaced)
        return lately < max(1, int(SHARE_IN_A_WHILE * fleet))
