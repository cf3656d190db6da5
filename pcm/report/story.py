"""The whole story of a run, from one pass over its log: for the page, and as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from pcm.journal import JournalReader, LoggedEvent, Manifest, owner
from pcm.report.accounting import books, go_through
from pcm.report.failures import Failure, failures
from pcm.report.figures import Accounts
from pcm.report.history import History
from pcm.report.series import LoadTimes, Series, load_times_of, series_of
from pcm.report.skew import SkewStory, skew_of
from pcm.report.waterfall import Waterfall, together

HAPPENED = frozenset({"Remedy", "ActionTaken"})


class SittingHead(msgspec.Struct, frozen=True):
    """``pid`` and ``host`` of the manager; 0 and empty where the log does not say. Unix seconds."""

    began: float
    ended: float
    pid: int
    host: str
    stopped: bool
    """Whether the manager said so itself: else it crashed, or is at work still."""


class Deed(msgspec.Struct, frozen=True):
    """An entry of the log that tells of something done: a person's action, a remedy of pcm's."""

    at: float
    kind: str
    body: dict[str, Any]


class Story(msgspec.Struct, frozen=True):
    """``state`` is ``running`` while a manager is at work, ``interrupted`` where none is and the
    run is not done, else as in the journal. ``by``: whose directory it is, on this machine."""

    manifest: Manifest
    directory: str
    state: str
    by: str
    accounts: Accounts
    waterfall: Waterfall
    series: Series
    load_times: list[LoadTimes]
    sittings: list[SittingHead]
    events: dict[str, int]
    """Entries of the log, by kind."""
    skew: SkewStory
    deeds: list[Deed]
    failures: list[Failure]

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the accounts, and the rest beside their fields."""
        beside = {
            "manifest": self.manifest,
            "failures": self.failures,
            "waterfall": self.waterfall,
            "series": self.series,
            "load_times": self.load_times,
            "each_sitting": self.sittings,
            "findings": self.skew.findings,
            "deeds": self.deeds,
            "events": self.events,
        }
        more: dict[str, Any] = msgspec.to_builtins(beside)
        return self.accounts.to_dict() | more


def tell(reader: JournalReader) -> tuple[Story, History]:
    """Of all sittings of a run; also while it goes on (until the last entry) or after a crash."""
    history = History()
    seconds, sittings = go_through(history.watch(reader.events()), history, None, reader.costs())
    accounts = books(reader, history, seconds, sittings)
    state = accounts.state
    if state == "open":
        state = "interrupted" if owner(reader.directory) is None else "running"
    story = Story(
        manifest=reader.manifest,
        directory=str(reader.directory.absolute()),
        state=state,
        by=_whose(reader),
        accounts=accounts,
        waterfall=together(history.waterfalls),
        series=series_of(history),
        load_times=load_times_of(history),
        sittings=_sittings(history),
        events=dict(history.kinds.most_common()),
        skew=skew_of(reader),
        deeds=[Deed(e.at, e.kind, _plain(e)) for e in history.notable if e.kind in HAPPENED],
        failures=failures(reader),
    )
    return story, history


def _whose(reader: JournalReader) -> str:
    try:
        return reader.directory.owner()
    except (KeyError, OSError):  # a user that this machine does not know
        return ""


def _sittings(history: History) -> list[SittingHead]:
    started = [entry for entry in history.notable if entry.kind == "ManagerStarted"]
    stops = [entry.at for entry in history.notable if entry.kind == "ManagerStopped"]
    heads = []
    for span in history.sittings:
        body = next((_plain(entry) for entry in started if entry.at == span.began), {})
        pid, host = body.get("pid", 0), body.get("host", "")
        heads.append(SittingHead(span.began, span.ended, pid, host, span.ended in stops))
    return heads


def _plain(entry: LoggedEvent) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(entry.body)
    return plain
