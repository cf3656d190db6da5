"""The table of workers: what each is, does, holds, how fast it is, why it got its last batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pcm.chronicle import ENDINGS, Batches, Chronicle, Lane
from pcm.dashboard import views
from pcm.dashboard.answers.timeline import natural

LOST = (ENDINGS.index("lost"), ENDINGS.index("worker_gone"))


def workers(
    chronicle: Chronicle,
    at: float,
    sort: str = "worker",
    descending: bool = False,
    state: str = "",
    search: str = "",
    offset: int = 0,
    limit: int = 100,
) -> views.WorkersPage:
    """``search``: in its name, kind, host, zone, pool. ``state``: one, or ``here`` for all but
    those that are gone. ``sort``: a field of the row."""
    speeds = _Speeds(chronicle, at)
    words = search.casefold().split()
    lanes = [
        lane
        for lane in chronicle.lanes_at(at)
        if _is_in(lane, words) and _has_state(lane.state(at), state)
    ]
    key = _key(chronicle, speeds, sort, at)
    lanes.sort(key=lambda lane: natural(lane.worker))
    if key is not None:
        known = [lane for lane in lanes if key(lane) is not None]
        lanes = [
            *sorted(known, key=key, reverse=descending),
            *(lane for lane in lanes if key(lane) is None),
        ]
    elif descending:
        lanes.reverse()
    shown = lanes[offset : offset + limit]
    rows = [_row(chronicle, speeds, lane, at) for lane in shown]
    return views.WorkersPage(at=at, total=len(lanes), rows=rows)


class _Speeds:
    """What every worker did until a moment, by lane."""

    def __init__(self, chronicle: Chronicle, at: float) -> None:
        lanes = chronicle.lanes
        batches = chronicle.batches(at)
        count = len(lanes)
        ended = batches.end != ENDINGS.index("open")
        self.items = _sums(batches, ended, batches.kept, count)
        busy = _sums(batches, ended, batches.busy_seconds, count)
        cost = _sums(batches, ended, batches.cost, count)
        self.lost = np.bincount(
            batches.lane[np.isin(batches.end, LOST) & (batches.kept < batches.items)],
            minlength=count,
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            self.items_per_second = self.items / busy
            speed = cost / busy
            kinds: dict[str, int] = {}
            kind = np.array([kinds.setdefault(x.capacity.kind, len(kinds)) for x in lanes], int)
            known = np.isfinite(speed) & (speed > 0.0)
            total = np.bincount(kind[known], speed[known], len(kinds))
            mean = total / np.bincount(kind[known], minlength=len(kinds))
            self.relative = np.where(known, speed / mean[kind] if count else speed, np.nan)


def _sums(
    batches: Batches, where: NDArray[np.bool_], what: NDArray[Any], lanes: int
) -> NDArray[np.float64]:
    return np.bincount(batches.lane[where], what[where], lanes).astype(float)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _has_state(found: str | None, wanted: str) -> bool:
    return not wanted or found == wanted or (wanted == "here" and found != "gone")


def _is_in(lane: Lane, words: list[str]) -> bool:
    if not words:
        return True
    c = lane.capacity
    text = " ".join((lane.worker, c.kind, c.host, c.zone, c.pool)).casefold()
    return all(word in text for word in words)


def _key(
    chronicle: Chronicle, speeds: _Speeds, sort: str, at: float
) -> Callable[[Lane], Any] | None:
    keys: dict[str, Callable[[Lane], Any]] = {
        "state": lambda lane: lane.state(at),
        "kind": lambda lane: lane.capacity.kind,
        "host": lambda lane: lane.capacity.host,
        "zone": lambda lane: lane.capacity.zone,
        "pool": lambda lane: lane.capacity.pool,
        "joined_at": lambda lane: lane.joined_at,
        "items": lambda lane: speeds.items[lane.index],
        "items_per_second": lambda lane: _known(speeds.items_per_second[lane.index]),
        "relative_speed": lambda lane: _known(speeds.relative[lane.index]),
        "skew": lambda lane: chronicle.skew(lane.worker, at),
        "lost_batches": lambda lane: speeds.lost[lane.index],
        "batch": lambda lane: chronicle.running(lane, at),
    }
    return keys.get(sort)


def _row(chronicle: Chronicle, speeds: _Speeds, lane: Lane, at: float) -> views.WorkerRow:
    capacity = lane.capacity
    gone = lane.left_at is not None and lane.left_at <= at
    running = None if gone else chronicle.running(lane, at)
    state = lane.state(at)
    assert state is not None
    return views.WorkerRow(
        worker=lane.worker,
        state=state,
        kind=capacity.kind,
        host=capacity.host,
        zone=capacity.zone,
        pool=capacity.pool,
        gpus=capacity.gpus,
        gpu_memory_bytes=capacity.gpu_memory_bytes,
        memory_bytes=capacity.memory_bytes,
        joined_at=lane.joined_at,
        left_at=lane.left_at if gone else None,
        left=_why_left(lane) if gone else "",
        held=[] if gone else _held(chronicle, lane, at),
        batch=None if running is None else chronicle.order(running)[0],
        items=int(speeds.items[lane.index]),
        items_per_second=_known(speeds.items_per_second[lane.index]),
        relative_speed=_known(speeds.relative[lane.index]),
        skew=1.0 if gone else chronicle.skew(lane.worker, at),
        lost_batches=int(speeds.lost[lane.index]),
        placement=_placement(chronicle, lane, at),
    )


def _why_left(lane: Lane) -> str:
    if not lane.left:
        return "the manager stopped"
    return lane.left + (f": {lane.left_detail}" if lane.left_detail else "")


def _held(chronicle: Chronicle, lane: Lane, at: float) -> list[views.Held]:
    digests = chronicle.contexts
    return [
        views.Held(
            context=digests[held.context],
            name=chronicle.context_names.get(digests[held.context], ""),
            tier=held.tier,
            status=held.status,
            memory_bytes=held.memory_bytes,
            since=held.at,
        )
        for held in lane.held(at)
    ]


def _placement(chronicle: Chronicle, lane: Lane, at: float) -> views.Placement | None:
    row = chronicle.last_row(lane, at)
    if row is None:
        return None
    batch, items, attempt, predicted = chronicle.order(row)
    return views.Placement(
        batch=batch,
        items=items,
        attempt=attempt,
        predicted_seconds=predicted,
        terms=[
            {
                "worker": score.worker,
                "free_in": score.free_in,
                "warm_in": score.warm_in,
                "work": score.work,
                "risk": score.risk,
                "total": score.total,
            }
            for score in chronicle.why(row)
        ],
    )
