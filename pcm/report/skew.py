"""What telemetry said in a run: its findings, and how slow each worker was held to be."""

from __future__ import annotations

import msgspec

from pcm.core.events import SkewChanged, WorkerLeft
from pcm.durations import duration
from pcm.journal import JournalReader
from pcm.telemetry.findings import Finding

_FINDING = msgspec.json.Decoder(Finding)
_CHANGE = msgspec.json.Decoder(SkewChanged)
_LEFT = msgspec.json.Decoder(WorkerLeft)


class SkewStory(msgspec.Struct, frozen=True):
    """``scores``: by worker, where above 1 and not gone; ``findings``: those that last first, then
    those that are over, each as it was told last, causes before effects."""

    scores: dict[str, float]
    findings: list[Finding]

    @property
    def lasting(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.until_seconds is None]


def skew_of(reader: JournalReader) -> SkewStory:
    """From the event log; of a run that goes on, as far as it is written."""
    scores: dict[str, float] = {}
    findings: dict[str, Finding] = {}
    for entry in reader.events(kinds=["Finding", "SkewChanged", "WorkerLeft", "ManagerStarted"]):
        if entry.kind == "Finding":
            finding = _FINDING.decode(entry.body)
            findings[finding.id] = finding
        elif entry.kind == "SkewChanged":
            change = _CHANGE.decode(entry.body)
            scores[change.worker] = max(change.score, change.factor)
        elif entry.kind == "WorkerLeft":
            scores.pop(_LEFT.decode(entry.body).worker, None)
        else:  # Another sitting: nobody watches what lasted in the one before.
            scores.clear()
            findings = {id_: _ended(finding, entry.at) for id_, finding in findings.items()}
    return story_of(list(findings.values()), scores)


def story_of(findings: list[Finding], scores: dict[str, float]) -> SkewStory:
    findings = sorted(
        findings,
        key=lambda one: (one.until_seconds is not None, not one.is_root, one.since_seconds),
    )
    slow = {worker: score for worker, score in sorted(scores.items()) if score > 1.0}
    return SkewStory(slow, findings)


def lines_of(story: SkewStory, now: float, *, over: bool = False) -> list[str]:
    """For people; ``over``: also what lasts no more."""
    scores = story.scores.items()
    lines = [f"{worker}: {score:.1f} times slower than its kind" for worker, score in scores]
    shown = story.findings if over else story.lasting
    by_cause: dict[str, list[Finding]] = {}
    known = {finding.id for finding in shown}
    for finding in shown:
        cause = finding.explained_by if finding.explained_by in known else ""
        by_cause.setdefault(cause, []).append(finding)
    for finding in by_cause.get("", []):
        lines += _described(finding, by_cause, now)
    if not shown:
        lines.append("no findings" if over or not story.findings else "no findings that last")
    hidden = len(story.findings) - len(shown)
    if hidden:
        lines.append(f"{hidden} more, over by now: --all shows them")
    return lines


def _described(finding: Finding, by_cause: dict[str, list[Finding]], now: float) -> list[str]:
    until = finding.until_seconds
    lasted = duration(max(0.0, (now if until is None else until) - finding.since_seconds))
    expected = f", {finding.slowdown:.1f} times slower expected" if finding.slowdown > 1.0 else ""
    numbers = ", ".join(f"{name} {value:.3g}" for name, value in finding.evidence.items())
    lines = [
        f"{_headline(finding)}: {'for' if until is None else 'lasted'} {lasted}, "
        f"confidence {finding.confidence:.2f}{expected}",
        f"    seen: {numbers}",
        f"    likely cause: {finding.cause}; mend: {finding.directive}",
    ]
    effects = by_cause.get(finding.id, [])
    if effects:
        lines.append("    explains: " + "; ".join(_headline(effect) for effect in effects))
    return lines


def _headline(finding: Finding) -> str:
    where = f"{finding.worker} {finding.place}" if finding.place else finding.worker
    return f"{finding.condition} {finding.name} at {where}"


def _ended(finding: Finding, at: float) -> Finding:
    if finding.until_seconds is not None:
        return finding
    return msgspec.structs.replace(finding, until_seconds=at)
