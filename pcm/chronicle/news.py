"""What was told beside the work: findings, skew, glideins, actions, how the run went on."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import Generic, Literal, NamedTuple, TypeVar

import msgspec

from pcm.core.commands import Finish
from pcm.core.events import ProvisionFailed, SkewChanged
from pcm.journal.entries import ActionTaken, ClassStand, GlideinsStand
from pcm.telemetry.findings import Finding

RunState = Literal["running", "paused", "interrupted", "completed", "failed", "cancelled"]
"""interrupted: the manager stopped before it was done."""

T = TypeVar("T")


class Told(Generic[T]):
    """What was told of one matter, each with its moment. Times are unix seconds, and only grow."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._told: list[T] = []

    def add(self, at: float, what: T) -> None:
        self._times.append(at)
        self._told.append(what)

    def last(self, at: float) -> T | None:
        """What was told last until a moment."""
        passed = bisect_right(self._times, at)
        return self._told[passed - 1] if passed else None

    def until(self, at: float, since: float = 0.0) -> list[tuple[float, T]]:
        """All of it, after ``since``."""
        first, stop = bisect_right(self._times, since), bisect_right(self._times, at)
        return list(zip(self._times[first:stop], self._told[first:stop], strict=True))


class Phase(NamedTuple):
    state: RunState
    error: str = ""


class News:
    def __init__(self) -> None:
        self.phases: Told[Phase] = Told()
        self.actions: Told[ActionTaken] = Told()
        self.provisions: Told[ProvisionFailed] = Told()
        self._glideins: Told[GlideinsStand] = Told()
        self._findings: Told[Finding | None] = Told()
        """None: another sitting began, and nobody watches what lasted in the one before."""
        self._scores: dict[str, Told[float]] = defaultdict(Told)
        self._seen: tuple[int, dict[str, Finding]] = (0, {})
        """So many of the findings were gone through, with what was told last of each."""

    def began(self, at: float) -> None:
        self.phases.add(at, Phase("running"))
        self._findings.add(at, None)
        for scores in self._scores.values():
            scores.add(at, 1.0)

    def stopped(self, at: float) -> None:
        phase = self.phases.last(at)
        if phase is None or phase.state in ("running", "paused"):
            self.phases.add(at, Phase("interrupted"))

    def paused(self, paused: bool, at: float) -> None:
        self.phases.add(at, Phase("paused" if paused else "running"))

    def finished(self, command: Finish, at: float) -> None:
        self.phases.add(at, Phase(command.outcome, command.error))

    def glideins_stand(self, entry: GlideinsStand, at: float) -> None:
        self._glideins.add(at, entry)

    def found(self, finding: Finding, at: float) -> None:
        self._findings.add(at, finding)

    def skew_changed(self, event: SkewChanged, at: float) -> None:
        self._scores[event.worker].add(at, max(event.score, event.factor))

    def worker_left(self, worker: str, at: float) -> None:
        if worker in self._scores:
            self._scores[worker].add(at, 1.0)

    def skew(self, worker: str, at: float) -> float:
        """By how much it is slower than its kind, as telemetry has it: 1 or more."""
        scores = self._scores.get(worker)
        return (scores.last(at) if scores is not None else None) or 1.0

    def glideins(self, at: float) -> tuple[ClassStand, ...]:
        stand = self._glideins.last(at)
        return () if stand is None else stand.classes

    def findings(self, at: float) -> list[Finding]:
        """Each as it was told last until then: those that last first, causes before effects."""
        told = self._findings.until(at)
        passed, known = self._seen
        if passed > len(told):
            passed, known = 0, {}
        for when, finding in told[passed:]:
            if finding is not None:
                known[finding.id] = finding
            else:
                known = {id_: _ended(one, when) for id_, one in known.items()}
        self._seen = (len(told), known)
        return sorted(
            known.values(),
            key=lambda one: (one.until_seconds is not None, not one.is_root, one.since_seconds),
        )


def _ended(finding: Finding, at: float) -> Finding:
    if finding.until_seconds is not None:
        return finding
    return msgspec.structs.replace(finding, until_seconds=at)
