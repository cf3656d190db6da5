"""How far a run is from what a scheduler that knew the future could have done by now."""

from __future__ import annotations

from math import inf
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from pcm.chronicle import ENDINGS, Batches, Chronicle, Lane, SittingStand
from pcm.core.worker import suits
from pcm.report.bound import Stay, bound_seconds

KEPT_SECONDS = 5.0
KEPT_SHARE = 0.02
"""While the run goes on, an answer is good enough for so long, or for that share of its time: of a
large run it takes tens of milliseconds."""

_kept: WeakKeyDictionary[Chronicle, tuple[float, int, float | None]] = WeakKeyDictionary()
"""By chronicle: the moment, the number of entries, the answer."""


def efficiency(chronicle: Chronicle, at: float) -> float | None:
    """The bound over the time taken so far, 0 to 1; None while nothing was done."""
    moment, entries, answer = _kept.get(chronicle, (-inf, -1, None))
    if moment == at and entries == chronicle.last_seq:
        return answer
    if chronicle.is_open and at >= chronicle.last_at:
        kept = min(KEPT_SECONDS, KEPT_SHARE * (at - chronicle.began_at))
        if 0.0 <= at - moment < kept:
            return answer
    answer = _efficiency(chronicle, at)
    _kept[chronicle] = (at, chronicle.last_seq, answer)
    return answer


def bound_of(chronicle: Chronicle, at: float) -> float:
    """Seconds, as ``Accounts.bound_seconds``: all sittings together."""
    batches = chronicle.batches(at)
    lanes = len(chronicle.lanes)
    ended = batches.end != ENDINGS.index("open")
    where = batches.lane[ended]
    cost = np.bincount(where, batches.cost[ended], lanes)
    busy = np.bincount(where, batches.busy_seconds[ended], lanes)
    dearest = _dearest(batches, lanes)
    bound = 0.0
    for stand in chronicle.stand(at):
        stays = [
            _stay(stand, lane, at, cost[lane.index], busy[lane.index], dearest[lane.index])
            for lane in stand.lanes
            if _could_work(stand, lane, at)
        ]
        bound += bound_seconds(stays, stand.work, stand.until - stand.began_at)
    return bound


def _efficiency(chronicle: Chronicle, at: float) -> float | None:
    seconds = chronicle.worked_seconds(at)
    if seconds <= 0.0 or not chronicle.counts(at).finished:
        return None
    return min(1.0, bound_of(chronicle, at) / seconds)


def _dearest(batches: Batches, lanes: int) -> NDArray[np.float64]:
    """The longest that an item took alone, by lane."""
    alone = np.isin(batches.end, [ENDINGS.index("done"), ENDINGS.index("worker_gone")])
    alone &= (batches.items == 1) & (batches.kept == 1)
    found = np.zeros(lanes)
    np.maximum.at(found, batches.lane[alone], batches.stop[alone] - batches.start[alone])
    return found


def _could_work(stand: SittingStand, lane: Lane, at: float) -> bool:
    if lane.left == "refused" and lane.left_at is not None and lane.left_at <= at:
        return False
    return stand.opened is None or suits(lane.capacity, stand.opened.requirements)


def _stay(
    stand: SittingStand, lane: Lane, at: float, cost: float, busy: float, dearest: float
) -> Stay:
    gone = lane.left_at is not None and lane.left_at <= at
    end = inf
    if gone and lane.left in ("evicted", "lost"):
        assert lane.left_at is not None
        end = lane.left_at - stand.began_at
    contexts = [stand.opened.context] if stand.opened else list(lane.shortest_loads)
    loads = [s for c in contexts if (s := lane.load_seconds(c, at)) is not None]
    return Stay(
        kind=lane.capacity.kind,
        start_seconds=lane.joined_at - stand.began_at,
        end_seconds=end,
        cost=float(cost),
        busy_seconds=float(busy),
        dearest_seconds=float(dearest),
        load_seconds=min(loads, default=None),
    )
