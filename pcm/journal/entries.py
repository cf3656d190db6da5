"""Entries of the event log that are neither events nor commands of the core, nor telemetry's."""

from __future__ import annotations

from typing import Literal

import msgspec

ActionKind = Literal["pause", "unpause", "cancel", "retry_failed", "drain"]
"""What a person may ask of a manager at work."""


class Entry(msgspec.Struct, frozen=True):
    """Base of these."""


class ManagerStarted(Entry, frozen=True):
    """A sitting begins: a manager works on the run from here on."""

    pid: int = 0
    host: str = ""


class ManagerStopped(Entry, frozen=True):
    """A sitting ends. One whose manager was killed has no such entry."""


class ActionTaken(Entry, frozen=True, kw_only=True):
    """Somebody asked for something to be done, and ``text`` says what came of it.

    ``run`` is the sitting through which it was asked, ``worker`` empty where it is about the run.
    ``by``: who asked, and as which user: ``"cli (uid 1000)"``, or ``"program"`` for the one that
    has the manager.
    """

    action: ActionKind
    run: str
    worker: str = ""
    by: str
    done: bool
    text: str


class FileCame(Entry, frozen=True):
    """A file of a context has come whole to a worker, so many bytes of it from the manager, or from
    another worker. A file of several contexts counts for the one that it was brought for first."""

    worker: str
    context: str
    source: Literal["manager", "worker"]
    size_bytes: int


class ClassStand(msgspec.Struct, frozen=True, kw_only=True):
    """A class of glideins: how many workers the core wants of it, and how its jobs are.

    ``asked`` are yet to be submitted; ``joined`` are those of the ``running`` ones whose worker has
    joined. ``held`` are held in all, for reasons which ``holds`` counts. ``trouble``: why workers
    of it do not come, as it was told last; empty once one has joined since.
    """

    name: str
    wanted: int
    asked: int
    queued: int
    running: int
    joined: int
    held: int
    holds: dict[str, int]
    trouble: str = ""


class GlideinsStand(Entry, frozen=True):
    """How all classes of glideins stand from here on, in the order in which they were declared."""

    classes: tuple[ClassStand, ...]
