"""Windows in, findings out: each condition is opened, kept and closed at each place.

A second is judged when the first window of a later one comes, or when the clock is told. A
condition is found at a place after it held in k of the newest n seconds, and is over when it held
in none of several: one odd second opens nothing and closes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from pcm.telemetry.attribution import Attribution, Neighbours
from pcm.telemetry.findings import Finding, finding_id
from pcm.telemetry.history import History, slot_of
from pcm.telemetry.runbook.base import Bools, Condition
from pcm.telemetry.runbook.catalogue import RUNBOOK
from pcm.telemetry.runbook.evidence import Evidence
from pcm.telemetry.signals import Window
from pcm.telemetry.statistics import Floats

STRENGTH_MAX = 8.0
"""Beyond so many times its bounds, more does not make a finding surer."""
STRONGER = 1.25
"""An open finding is told anew when it rests on numbers stronger by this factor."""
SILENT_SLOTS = 60
"""A worker of which nothing was read for so long is forgotten: it is gone, or its source is."""
ACCEPTED_SECONDS = 1800.0
"""After so long, seconds of an open finding in which its condition did not hold are believed to be
how the worker is now: what changed for good becomes its past in the end."""
ONSET_SLOTS = 5
"""So long before it held, what is found is believed to have begun: levels are medians of five."""
CLOSED_SECONDS = 60.0
"""So long after its end a finding may still turn out to be the cause of another."""


@dataclass(slots=True)
class Watch:
    """One condition at all places of its scope."""

    condition: Condition
    held: Bools = field(init=False)
    """``[seconds, places]``, newest last."""
    open: dict[int, tuple[Finding, float]] = field(default_factory=dict)
    """By row, with the strength that its evidence had."""

    def __post_init__(self) -> None:
        self.held = np.zeros((max(self.condition.enter[1], self.condition.quiet), 0), bool)

    def judge(self, evidence: Evidence) -> tuple[Floats, Bools]:
        """How strongly it holds at each place now; the second is added to what held."""
        scope = self.condition.scope
        strength = self.condition.when[0].strength(evidence, scope)
        for predicate in self.condition.when[1:]:
            if not (strength >= 1.0).any():  # as almost always: the rest need not be computed
                break
            strength = np.minimum(strength, predicate.strength(evidence, scope))
        now: Bools = np.greater_equal(strength, 1.0, dtype=bool)
        wider = len(now) - self.held.shape[1]
        if wider > 0:
            self.held = np.pad(self.held, ((0, 0), (0, 2 * wider)))
        self.held[:-1] = self.held[1:]
        self.held[-1] = False
        self.held[-1, : len(now)] = now
        return strength, now

    def entering(self) -> list[int]:
        """Rows at which it is found now, and was not."""
        needed, of = self.condition.enter
        rows = np.flatnonzero(self.held[-of:].sum(axis=0) >= needed)
        return [row for row in rows.tolist() if row not in self.open]

    def leaving(self) -> list[int]:
        if not self.open:
            return []
        held = np.asarray(self.held[-self.condition.quiet :].any(axis=0))
        return [row for row in self.open if not held[row]]

    def lasting(self, since_slot: float) -> list[int]:
        """Rows with a finding that was told first after that slot, and is not over."""
        return [
            row for row, (finding, _) in self.open.items() if finding.found_seconds > since_slot
        ]

    def seconds_held(self, row: int) -> tuple[int, float]:
        """How long ago it began, of the newest windows, and the share in which it held since."""
        held = self.held[-self.condition.enter[1] :, row]
        first = int(held.argmax())
        return len(held) - 1 - first, float(held[first:].mean())


class Detector:
    """All conditions over all workers. Not safe for threads: one thread owns it."""

    def __init__(self, conditions: Sequence[Condition] = tuple(RUNBOOK.values())) -> None:
        self.history = History()
        self._evidence = Evidence(self.history)
        self._watches = [Watch(condition) for condition in conditions]
        self._attribution = Attribution()
        self._closed: list[Finding] = []
        """Lately."""
        self._judged: int | None = None

    @property
    def open(self) -> list[Finding]:
        """The findings that last, causes before effects."""
        found = [finding for watch in self._watches for finding, _ in watch.open.values()]
        return sorted(found, key=lambda finding: (not finding.is_root, finding.since_seconds))

    def observe(self, windows: Iterable[Window]) -> list[Finding]:
        """Findings that were opened, closed, explained or grew stronger by what these windows made
        known, each as it is now. Windows come in about the order of their ends."""
        changed: dict[str, Finding] = {}
        for window in windows:
            if self.history.slot is not None and slot_of(window.end_seconds) > self.history.slot:
                self._judge(changed)
            self.history.add(window)
        return list(changed.values())

    def advance(self, now_seconds: float) -> list[Finding]:
        """The clock has come so far, whether windows came or not."""
        changed: dict[str, Finding] = {}
        if self.history.slot is not None and slot_of(now_seconds) > self.history.slot:
            self._judge(changed)
            self.history.advance(slot_of(now_seconds))
        return list(changed.values())

    def forget(self, worker: str) -> list[Finding]:
        """A worker has left: its findings are over."""
        number = self.history.workers.get(worker)
        if number is None:
            return []
        closed = []
        for watch in self._watches:
            places = self.history.places[watch.condition.scope]
            for (owner, _), row in list(places.rows.items()):
                if owner == number and row < watch.held.shape[1]:
                    watch.held[:, row] = False
                    if row in watch.open:
                        closed.append(self._close(watch, row))
        self.history.forget(worker)
        return closed

    def _judge(self, changed: dict[str, Finding]) -> None:
        """The newest second, once."""
        slot = self.history.slot
        if slot is None or slot == self._judged:
            return
        for worker in list(self.history.silent(slot - SILENT_SLOTS)):
            changed.update((finding.id, finding) for finding in self.forget(worker))
        self._evidence.begin()
        self._judged = slot
        for watch in self._watches:
            scope = watch.condition.scope
            strength, now = watch.judge(self._evidence)
            owners = self._evidence.owners(scope)
            self._evidence.disturbed(owners[: len(now)][now])
            # While a finding lasts, neither is a second in which its condition just failed to hold.
            self._evidence.disturbed(owners[watch.lasting(slot - ACCEPTED_SECONDS)])
            told = [self._open(watch, row, strength) for row in watch.entering()]
            told += self._stronger(watch, strength)
            told += [self._close(watch, row) for row in watch.leaving()]
            changed.update((finding.id, finding) for finding in told)
        self._explain(changed)

    def _open(self, watch: Watch, row: int, strength: Floats) -> Finding:
        condition, slot = watch.condition, self.history.slot
        key = self.history.places[condition.scope].names[row]
        assert key is not None
        assert slot is not None
        worker = self.history.names[key[0]] or ""
        ago, share = watch.seconds_held(row)
        since = float(slot - ago - 1 - condition.lasted_seconds)  # a window's start
        self._evidence.disturbed_since(key[0], int(since) - ONSET_SLOTS)
        numbers, factor = self._numbers(watch, row, strength)
        finding = Finding(
            id=finding_id(condition.id, worker, key[1], since),
            condition=condition.id,
            name=condition.name,
            worker=worker,
            place=key[1],
            since_seconds=since,
            found_seconds=float(slot),
            evidence=numbers,
            confidence=confidence(factor, share),
            slowdown=condition.slowdown(numbers),
            cause=condition.cause,
            directive=condition.directive,
        )
        watch.open[row] = (finding, factor)
        return finding

    def _stronger(self, watch: Watch, strength: Floats) -> list[Finding]:
        told = []
        for row, (finding, before) in watch.open.items():
            if row >= len(strength) or not strength[row] >= max(before, 1.0) * STRONGER:
                continue
            numbers, factor = self._numbers(watch, row, strength)
            if factor < max(before, 1.0) * STRONGER:
                continue
            _, share = watch.seconds_held(row)
            stronger = msgspec.structs.replace(
                finding,
                evidence=numbers,
                confidence=max(finding.confidence, confidence(factor, share)),
                slowdown=watch.condition.slowdown(numbers),
            )
            watch.open[row] = (stronger, factor)
            told.append(stronger)
        return told

    def _numbers(self, watch: Watch, row: int, strength: Floats) -> tuple[dict[str, float], float]:
        """What the condition's tests saw there, and how strongly it holds (at most so much)."""
        scope, numbers = watch.condition.scope, {}
        for test in watch.condition.tests():
            values = test.values(self._evidence, scope)
            if values is not None and not np.isnan(values[row]):
                numbers[test.name] = float(values[row])
        return numbers, float(np.clip(np.nan_to_num(strength[row]), 0.0, STRENGTH_MAX))

    def _close(self, watch: Watch, row: int) -> Finding:
        slot = self.history.slot
        assert slot is not None
        finding, _ = watch.open.pop(row)
        finding = msgspec.structs.replace(finding, until_seconds=float(slot))
        self._closed.append(finding)
        return finding

    def _explain(self, changed: dict[str, Finding]) -> None:
        """Orders what is open by cause, if anything has changed."""
        if not changed:
            return
        assert self.history.slot is not None
        since = self.history.slot - CLOSED_SECONDS
        self._closed = [one for one in self._closed if (one.until_seconds or 0.0) >= since]
        findings = [*self.open, *self._closed]
        causes = self._attribution.explain(findings, Neighbours.of(self.history))
        for watch in self._watches:
            for row, (finding, strength) in watch.open.items():
                if (cause := causes.get(finding.id)) and cause != finding.explained_by:
                    explained = msgspec.structs.replace(finding, explained_by=cause)
                    watch.open[row] = (explained, strength)
                    changed[explained.id] = explained
        for index, finding in enumerate(self._closed):
            if (cause := causes.get(finding.id)) and cause != finding.explained_by:
                self._closed[index] = msgspec.structs.replace(finding, explained_by=cause)
                changed[finding.id] = self._closed[index]


def confidence(strength: float, share: float) -> float:
    """One half where the bounds are just met, towards 1 the farther beyond; times the share of
    windows in which it held since it began."""
    return (1.0 - 0.5 / max(strength, 1.0)) * share


def findings_of(windows: Iterable[Window]) -> list[Finding]:
    """All that a recording shows, in order of their beginnings, each as it was in the end."""
    detector = Detector()
    told: dict[str, Finding] = {}
    last = None
    for window in windows:
        told.update((finding.id, finding) for finding in detector.observe((window,)))
        last = window.end_seconds
    if last is not None:
        told.update((finding.id, finding) for finding in detector.advance(last + 1.0))
    return sorted(told.values(), key=lambda finding: finding.since_seconds)
