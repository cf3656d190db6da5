"""What the page and the JSON API show of a run, one struct per answer: the schema of ``/api``.

All times are unix seconds by the manager's clock, all sizes bytes. Every answer is about one moment
(``at``): now, or any moment of a run, as far as its event log tells.
"""

from __future__ import annotations

from typing import Literal

import msgspec

RunState = Literal["running", "paused", "interrupted", "completed", "failed", "cancelled"]
"""interrupted: nobody works on it, and it is not done."""

WorkerState = Literal["idle", "loading", "warm", "working", "leaving", "gone"]
"""warm: holds a context and has no batch. leaving: sent nothing more."""

Use = Literal["loading", "useful", "lost", "idle", "no_work"]
"""What a worker's time went into: see ``pcm.report.figures.Split``."""

ActionKind = Literal["pause", "unpause", "cancel", "retry_failed", "drain"]


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""


class RunHead(View, frozen=True, kw_only=True):
    """A run in the list of runs."""

    run: str
    name: str
    task: str
    directory: str
    state: RunState
    began_at: float
    last_at: float
    """The last moment that its log tells of."""
    items: int
    finished: int
    failed: int
    can_act: bool
    """Whether a manager is at work on it that takes actions."""


class Eta(View, frozen=True, kw_only=True):
    """When the run will be done, seconds from ``at``: nine of ten ends lie between ``soonest`` and
    ``latest``. None where nothing is known yet."""

    seconds: float
    soonest_seconds: float
    latest_seconds: float


class SplitShares(View, frozen=True, kw_only=True):
    """Worker seconds so far, by use."""

    useful_seconds: float
    loading_seconds: float
    lost_seconds: float
    idle_seconds: float
    no_work_seconds: float


class Crew(View, frozen=True, kw_only=True):
    """How many workers are in which state."""

    idle: int = 0
    loading: int = 0
    warm: int = 0
    working: int = 0
    leaving: int = 0


class Trouble(View, frozen=True, kw_only=True):
    """One thing that a person should know of, worst first: ``mend`` says what to do."""

    grade: Literal["bad", "warning", "note"]
    what: str
    mend: str = ""
    tab: Literal["workers", "contexts", "items", "glideins", "findings", "events"] = "events"
    """Where the page shows more of it."""


class Curves(View, frozen=True, kw_only=True):
    """Series over the run so far, all of one length, at most some hundreds of points."""

    at: list[float]
    finished: list[int]
    items_per_second: list[float]
    workers: list[int]
    loading: list[int]
    working: list[int]
    useful: list[float]
    """Shares (0 to 1) of the workers' time in the interval that ends at the point; with the four
    below they add up to 1, or to 0 where there was no worker."""
    loading_share: list[float]
    lost: list[float]
    idle: list[float]
    no_work: list[float]


class Overview(View, frozen=True, kw_only=True):
    head: RunHead
    at: float
    seq: int
    """The last log entry that this tells of."""
    seconds: float
    """In which a manager worked on the run."""
    in_flight: int
    waiting: int
    items_per_second: float
    """Over the last minute or so."""
    eta: Eta | None
    efficiency: float | None
    """The clairvoyant bound over the time taken so far."""
    split: SplitShares
    crew: Crew
    retries: int
    lost_batches: int
    evictions: int
    """Workers that were taken or lost."""
    troubles: list[Trouble]


class Placement(View, frozen=True, kw_only=True):
    """Why a worker got its last batch: the terms of its score, in seconds, then those of others."""

    batch: int
    items: int
    attempt: int
    predicted_seconds: float
    terms: list[dict[str, float | str]]
    """Each with worker, free_in, warm_in, work, risk, total; the winner first."""


class Held(View, frozen=True, kw_only=True):
    """A context on a worker."""

    context: str
    name: str
    tier: Literal["absent", "disk", "host", "gpu"]
    status: str
    memory_bytes: int
    since: float


class WorkerRow(View, frozen=True, kw_only=True):
    worker: str
    state: WorkerState
    kind: str
    host: str
    zone: str
    pool: str
    gpus: int
    gpu_memory_bytes: int
    memory_bytes: int
    joined_at: float
    left_at: float | None
    left: str
    """Why it left; empty while it is there."""
    held: list[Held]
    batch: int | None
    """The batch that it runs now."""
    items: int
    items_per_second: float | None
    relative_speed: float | None
    """Over the mean of its kind in this run, by what batches took; above 1 is faster."""
    skew: float
    """By telemetry, 1 or more."""
    lost_batches: int
    placement: Placement | None


class WorkersPage(View, frozen=True, kw_only=True):
    """``total``: how many rows match, of which this page shows some."""

    at: float
    total: int
    rows: list[WorkerRow]


class LaneSpan(View, frozen=True, kw_only=True, array_like=True):
    """A stretch on a lane, or, where many are narrower than a column, what most of it was.

    ``batch`` is -1 where it is none or many; ``share``: of the stretch that ``use`` takes.
    """

    start: float
    stop: float
    use: Use
    context: int
    """Place in ``Timeline.contexts``; -1 where it is none or many."""
    batch: int
    share: float


class Lane(View, frozen=True, kw_only=True):
    worker: str
    kind: str
    joined_at: float
    left_at: float | None
    left: str
    spans: list[LaneSpan]


class Timeline(View, frozen=True, kw_only=True):
    """A window of time and of lanes, no finer than was asked for."""

    at: float
    start: float
    stop: float
    total_lanes: int
    first_lane: int
    contexts: list[str]
    lanes: list[Lane]


class Place(View, frozen=True, kw_only=True):
    worker: str
    tier: Literal["absent", "disk", "host", "gpu"]
    status: str
    since: float


class ContextRow(View, frozen=True, kw_only=True):
    context: str
    name: str
    gpu: int
    host: int
    disk: int
    loading: int
    """Workers at each tier; loading ones apart."""
    loads: int
    reloads: int
    """Loads on workers that had it before."""
    load_failures: int
    evictions: int
    load_seconds_median: float | None
    bytes_from_manager: int
    bytes_from_workers: int
    last_error: str
    places: list[Place]
    """At most some hundreds."""


class ItemAttempt(View, frozen=True, kw_only=True):
    attempt: int
    worker: str
    kind: str
    batch: int
    at: float
    seconds: float
    error: str
    message: str
    traceback: str


class ItemRow(View, frozen=True, kw_only=True):
    """An item that was given up. ``history``: of a quarantined one, a line each."""

    item: int
    key: str
    verdict: Literal["failed", "quarantined"]
    at: float
    worker: str
    error: str
    message: str
    traceback: str
    history: list[str]
    attempts: list[ItemAttempt]


class ItemsPage(View, frozen=True, kw_only=True):
    at: float
    total: int
    rows: list[ItemRow]


class GlideinRow(View, frozen=True, kw_only=True):
    """A class of glideins; ``holds``: reasons with how many jobs each holds."""

    name: str
    wanted: int
    asked: int
    queued: int
    running: int
    joined: int
    held: int
    holds: dict[str, int]
    trouble: str


class FindingRow(View, frozen=True, kw_only=True):
    id: str
    condition: str
    name: str
    worker: str
    place: str
    since: float
    until: float | None
    confidence: float
    slowdown: float
    cause: str
    directive: str
    evidence: dict[str, float]
    explained_by: str


class EventRow(View, frozen=True, kw_only=True):
    """An entry of the event log. ``text`` is for people, ``body`` the entry itself."""

    seq: int
    at: float
    kind: str
    worker: str
    batch: int | None
    text: str
    body: dict[str, object]


class EventsPage(View, frozen=True, kw_only=True):
    """``before``: ask for entries before this seq to go on; None at the beginning of the log."""

    rows: list[EventRow]
    before: int | None


class Action(View, frozen=True, kw_only=True):
    """What a person asks for. ``worker`` for ``drain``."""

    action: ActionKind
    worker: str = ""


class ActionAnswer(View, frozen=True, kw_only=True):
    done: bool
    text: str
