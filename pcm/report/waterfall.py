"""From the bound to what a run took: what the difference was lost to.

By worker seconds. The time of every worker from its joining to its leaving is cut into pieces, each
of which is one of these; so they add up to all time that workers were there:

- ``useful``: running what counted.
- ``bound_loading``: loading, as far as the bound too pays for it: one load per worker, as quick as
  it can be there (``pcm.report.bound``), if it fits before the bound.
- ``ramp``: from a worker's joining until it first loads, runs or is sent anything.
- ``loading``: loading beyond that: slow, repeated, failed, or too late to be of use.
- ``idle``: nothing to do although items waited that nobody had.
- ``overhead``: neither running nor loading while a batch is out with the worker: on its way there
  or back, or being handled on either side.
- ``eviction``: what was run or loaded in vain because the worker was taken away.
- ``repeats``: running what did not count for another reason: attempts that failed or were taken
  back, copies that came second, what was under way when the manager went.
- ``tail``: nothing to do since nothing waited: the last items are in other hands, or the run was
  not open yet.
- ``paused``: nothing to do since the run rested at its user's wish.
- ``let_go``: nothing, as the worker was not there any more: the manager let it go, and the bound
  holds that it could have stayed. These seconds were not spent.
- ``other``: of workers that the bound does not count, as they could not run the task.

By seconds of the run. The bound is the moment at which the workers, by their measured speeds, could
have done all the work, had they done nothing else but the bound's loads. So each wasted second of a
worker is made up for later, and what was wasted, weighed by the speed of whom it was wasted on, is
what the workers could have done between the bound and the end. The difference is shared out among
the parts in that proportion. (Where one dear item and not the sum of the work makes the bound, or
it was cut to what the sitting took, this is how the difference is shared, and no law.) ``other``
has the whole difference where no worker was there to waste anything.

Over several sittings, each of which has a bound of its own, the parts are summed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from pcm.core.bounds import Interval
from pcm.report.bound import Stay, intervals_of
from pcm.report.lanes import DEEDS, Lane

LOSSES = (
    "ramp",
    "loading",
    "idle",
    "overhead",
    "eviction",
    "repeats",
    "tail",
    "paused",
    "let_go",
    "other",
)
"""In the order in which they are shown."""

_BUSY = DEEDS.index("between")
"""Deeds below are doing something."""


class Loss(msgspec.Struct, frozen=True):
    """``seconds`` of the run, and ``worker_seconds`` that it stands for."""

    name: str
    seconds: float
    worker_seconds: float


class Waterfall(msgspec.Struct, frozen=True):
    """``bound_seconds`` and the losses' seconds add up to ``seconds``, what the run took;
    ``useful_worker_seconds``, ``bound_loading_worker_seconds`` and the losses' worker seconds,
    but for those of ``let_go``, to the time that workers were there."""

    seconds: float
    bound_seconds: float
    useful_worker_seconds: float
    bound_loading_worker_seconds: float
    losses: list[Loss]

    def __add__(self, other: Waterfall) -> Waterfall:
        return Waterfall(
            self.seconds + other.seconds,
            self.bound_seconds + other.bound_seconds,
            self.useful_worker_seconds + other.useful_worker_seconds,
            self.bound_loading_worker_seconds + other.bound_loading_worker_seconds,
            [
                Loss(a.name, a.seconds + b.seconds, a.worker_seconds + b.worker_seconds)
                for a, b in zip(self.losses, other.losses, strict=True)
            ],
        )


NONE = Waterfall(0.0, 0.0, 0.0, 0.0, [Loss(name, 0.0, 0.0) for name in LOSSES])


def together(parts: Iterable[Waterfall]) -> Waterfall:
    return sum(parts, NONE)


def waterfall(
    lanes: Iterable[Lane], stays: Sequence[Stay], began: float, ended: float, bound: float
) -> Waterfall:
    """Of one sitting, from ``began`` to ``ended`` (unix seconds)."""
    intervals = intervals_of(stays)
    spent = dict.fromkeys(("useful", "bound_loading", *LOSSES), 0.0)
    weighed = dict.fromkeys(LOSSES, 0.0)
    for lane in lanes:
        # Without a speed of anybody there is no bound, and one worker is as good as another.
        interval = Interval(0.0, 0.0, 1.0)
        if lane.stay is not None and intervals:
            interval = intervals[lane.stay]
        for part, seconds in _parts(lane, interval, began, ended, bound).items():
            spent[part] += seconds
            if part in weighed and lane.stay is not None:
                weighed[part] += seconds * interval.speed
    took = ended - began
    whole = sum(weighed.values())
    shares = {part: weight / whole if whole else 0.0 for part, weight in weighed.items()}
    if not whole:
        shares["other"] = 1.0
    losses = [Loss(part, (took - bound) * shares[part], spent[part]) for part in LOSSES]
    return Waterfall(took, bound, spent["useful"], spent["bound_loading"], losses)


def _parts(
    lane: Lane, interval: Interval, began: float, ended: float, bound: float
) -> dict[str, float]:
    if lane.stay is None:
        return {"other": lane.left_at - lane.joined_at}
    by_deed = dict(zip(DEEDS, lane.seconds().tolist(), strict=True))
    granted = min(interval.load_seconds, max(0.0, bound - (lane.joined_at - began)))
    granted = min(granted, by_deed["loading"])
    ramp, waited = _ramp(lane)
    return {
        "useful": by_deed["useful"],
        "bound_loading": granted,
        "ramp": ramp,
        "loading": by_deed["loading"] - granted,
        "idle": by_deed["idle"] - waited,
        "overhead": by_deed["between"] + by_deed["between_no_work"],
        "eviction": by_deed["taken"] + by_deed["cut_load"],
        "repeats": by_deed["again"],
        "tail": by_deed["no_work"] - (ramp - waited),
        "paused": by_deed["paused"],
        "let_go": ended - lane.left_at if lane.left == "retired" else 0.0,
    }


def _ramp(lane: Lane) -> tuple[float, float]:
    """The seconds until the worker did or was sent anything, and those of them in which items
    waited; none if that never came. Without the time in which the run rested."""
    begun = np.flatnonzero(lane.deeds <= _BUSY + 1)
    if not len(begun):
        return 0.0, 0.0
    before = slice(0, int(begun[0]))
    seconds = lane.stops[before] - lane.starts[before]
    waited = seconds[lane.deeds[before] == DEEDS.index("idle")]
    rested = seconds[lane.deeds[before] == DEEDS.index("paused")]
    return float(seconds.sum() - rested.sum()), float(waited.sum())
