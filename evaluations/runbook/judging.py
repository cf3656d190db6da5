"""Findings against the truth of a run.

The truth is one root condition at one place for a time. A finding is *true* if it is a root finding
of that condition at that worker (or where the truth says ``also``), first told while it lasts or
within GRACE_SECONDS after. One that the runbook itself explains by another is not counted: it is
the root that is right or wrong. All other root findings are *false*, also those on what goes on
beside the fault, before it, or of the right condition at the wrong place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from evaluations.runbook.truth import Intensity, Truth
from pcm.telemetry.runbook import Finding

GRACE_SECONDS = 15.0


class Verdict(NamedTuple):
    """Of one faulty run."""

    seed: int
    intensity: Intensity
    truth: Truth
    seconds_to_detect: float | None
    """None if it was not found."""
    is_placed: bool
    """Whether the place (link, rank, GPU) was right, too, not only the worker."""
    false: tuple[tuple[str, str, str], ...]
    """Condition, worker and place of false root findings, each once."""
    beside: tuple[str, ...]
    """Conditions of false ones that were told while the fault lasted and concern its worker."""
    explained: int
    """Findings that the runbook took for effects."""

    @property
    def is_found(self) -> bool:
        return self.seconds_to_detect is not None


def judge(seed: int, intensity: Intensity, truth: Truth, findings: Iterable[Finding]) -> Verdict:
    """``findings``: all of the run, as they were in the end."""
    told = list(findings)
    roots = [finding for finding in told if finding.is_root]
    true = [finding for finding in roots if _is_true(finding, truth)]
    false = [finding for finding in roots if not _is_true(finding, truth)]
    first = min((finding.found_seconds for finding in true), default=None)
    here = {truth.worker, *truth.also}
    return Verdict(
        seed,
        intensity,
        truth,
        None if first is None else max(0.0, first - truth.from_seconds),
        any(
            finding.worker == truth.worker and _same(finding.place, truth.place) for finding in true
        ),
        tuple(sorted({(found.condition, found.worker, found.place) for found in false})),
        tuple(sorted({f.condition for f in false if f.worker in here and _is_during(f, truth)})),
        len(told) - len(roots),
    )


def false_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Of a clean run: all roots, and each time that one is told anew."""
    return [finding for finding in findings if finding.is_root]


def macro(verdicts: Sequence[Verdict], conditions: Sequence[str]) -> tuple[float, float]:
    """Recall and precision, each averaged over conditions. A condition that was never told has no
    precision, and is left out of that average."""
    recalls, precisions = [], []
    for condition in conditions:
        recall, precision = of_condition(verdicts, condition)
        recalls += [recall] if recall is not None else []
        precisions += [precision] if precision is not None else []
    return (
        sum(recalls) / max(1, len(recalls)),
        sum(precisions) / max(1, len(precisions)),
    )


def of_condition(verdicts: Sequence[Verdict], condition: str) -> tuple[float | None, float | None]:
    """Recall over its own runs; precision of what was told of it in all runs. A true one counts
    once per run, however many findings tell it."""
    own = [verdict for verdict in verdicts if verdict.truth.condition == condition]
    true = sum(verdict.is_found for verdict in own)
    false = sum(found[0] == condition for verdict in verdicts for found in verdict.false)
    return (
        true / len(own) if own else None,
        true / (true + false) if true + false else None,
    )


def confusion(verdicts: Sequence[Verdict]) -> dict[str, dict[str, int]]:
    """Runs by the true condition, then by what was told about its worker while it lasted; a run
    is in several columns if several root conditions were told, in ``none`` if no one was."""
    matrix: dict[str, dict[str, int]] = {}
    for verdict in verdicts:
        row = matrix.setdefault(verdict.truth.condition, {})
        told = [*([verdict.truth.condition] if verdict.is_found else []), *verdict.beside]
        for condition in dict.fromkeys(told or ["none"]):
            row[condition] = row.get(condition, 0) + 1
    return matrix


def _is_true(finding: Finding, truth: Truth) -> bool:
    where = finding.worker == truth.worker or finding.worker in truth.also
    return finding.condition == truth.condition and where and _is_during(finding, truth)


def _is_during(finding: Finding, truth: Truth) -> bool:
    return truth.from_seconds <= finding.found_seconds <= truth.until_seconds + GRACE_SECONDS


def _same(found: str, true: str) -> bool:
    """A place of a worker that has but one is the worker itself."""
    return found == true or not found or not true
