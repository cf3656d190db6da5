"""What went wrong and what was done: failures, findings of telemetry, actions and remedies."""

from __future__ import annotations

from pcm.durations import counted, duration
from pcm.report.failures import Failure
from pcm.report.html.markup import Markup, cut, joined, tag
from pcm.report.html.tables import fold, table
from pcm.report.html.words import moment
from pcm.report.story import Deed
from pcm.telemetry.findings import Finding

MOST_KINDS = 20
OPEN_KINDS = 3
MOST_CHARACTERS = 8000
"""Of a traceback."""
MOST_FINDINGS, MOST_DEEDS = 60, 100


def failures_part(failures: list[Failure]) -> Markup:
    """By kind, the most frequent first, each with the traceback of one item."""
    parts = []
    for place, failure in enumerate(failures[:MOST_KINDS]):
        first = (failure.error.splitlines() or ["no error is known"])[0]
        heading = tag(
            "span",
            tag("b", counted(failure.count, "item"), f" {failure.verdict}", class_="bad"),
            " ",
            tag("code", cut(first, 240)),
        )
        words = (failure.traceback or failure.error or "no error is known").rstrip()
        example = tag("p", "such as ", tag("code", cut(str(failure.key), 240)), class_="dim")
        body = joined([example, tag("pre", cut(words, MOST_CHARACTERS))])
        parts.append(fold(heading, body, is_open=place < OPEN_KINDS))
    if len(failures) > MOST_KINDS:
        parts.append(_more(len(failures) - MOST_KINDS, "kinds"))
    return joined(parts)


def findings_part(findings: list[Finding], end: float) -> Markup:
    """``end``: unix seconds, for those that lasted."""
    rows = []
    for finding in findings[:MOST_FINDINGS]:
        until = finding.until_seconds
        lasted = duration(max(0.0, (end if until is None else until) - finding.since_seconds))
        evidence = ", ".join(f"{name} {value:.3g}" for name, value in finding.evidence.items())
        where = f"{finding.worker} {finding.place}".strip()
        rows.append(
            (
                tag("span", tag("b", f"{finding.condition} {cut(finding.name, 120)}"),
                    tag("span", cut(evidence, 300), class_="dim")),
                cut(where, 120),
                tag("span", cut(finding.cause, 300),
                    tag("span", cut(finding.directive, 300), class_="dim")),
                moment(finding.since_seconds),
                f"{lasted}{' and on' if until is None else ''}",
                f"{finding.slowdown:.1f}",
                f"{finding.confidence:.0%}",
            )
        )  # fmt: skip
    headings = ("what", "where", "likely cause, and what to do", "since", "lasted", "slower by",
                "sure")  # fmt: skip
    shown = table(headings, rows, 3)
    if len(findings) > MOST_FINDINGS:
        shown = joined([shown, _more(len(findings) - MOST_FINDINGS, "findings")])
    return shown


def deeds_part(deeds: list[Deed]) -> Markup:
    rows = []
    for deed in deeds[:MOST_DEEDS]:
        body = deed.body
        what = body.get("action") or body.get("kind") or deed.kind
        where = body.get("worker") or "the run"
        who = body.get("by") or "pcm"
        why = body.get("text") or body.get("reason") or ""
        refused = " (refused)" if body.get("done") is False else ""
        rows.append(
            (moment(deed.at), f"{what}{refused}", cut(str(where), 120), who, cut(str(why), 300))
        )
    shown = table(("when", "what", "where", "by", "why"), rows)
    if len(deeds) > MOST_DEEDS:
        shown = joined([shown, _more(len(deeds) - MOST_DEEDS, "entries")])
    return shown


def _more(count: int, what: str) -> Markup:
    return tag("p", f"and {count:,} more {what}: pcm report --json has all", class_="dim")
