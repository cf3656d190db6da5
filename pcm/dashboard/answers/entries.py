"""What the log has word by word: findings, glideins, entries."""

from __future__ import annotations

import msgspec

from pcm.chronicle import Chronicle
from pcm.dashboard.views import EventRow, FindingRow, GlideinRow
from pcm.journal import LoggedEvent
from pcm.journal.wording import told


def findings(chronicle: Chronicle, at: float) -> list[FindingRow]:
    """Those that last first, causes before effects."""
    return [
        FindingRow(
            id=one.id,
            condition=one.condition,
            name=one.name,
            worker=one.worker,
            place=one.place,
            since=one.since_seconds,
            until=one.until_seconds,
            confidence=one.confidence,
            slowdown=one.slowdown,
            cause=one.cause,
            directive=one.directive,
            evidence=one.evidence,
            explained_by=one.explained_by,
        )
        for one in chronicle.findings(at)
    ]


def glideins(chronicle: Chronicle, at: float) -> list[GlideinRow]:
    """In the order in which they were declared."""
    return [GlideinRow(**msgspec.structs.asdict(one)) for one in chronicle.glideins(at)]


def event(entry: LoggedEvent) -> EventRow:
    """An entry as a row, whatever its body is."""
    try:
        body = msgspec.json.decode(entry.body)
    except msgspec.DecodeError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    worker, batch = body.get("worker"), body.get("batch")
    return EventRow(
        seq=entry.seq,
        at=entry.at,
        kind=entry.kind,
        worker=worker if isinstance(worker, str) else "",
        batch=batch if isinstance(batch, int) else None,
        text=told(entry),
        body=body,
    )
