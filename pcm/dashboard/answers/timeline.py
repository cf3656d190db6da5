"""The timeline: a window of lanes and of time, no finer than a column."""

from __future__ import annotations

from pcm.chronicle import USES, Chronicle, Lane, Window
from pcm.dashboard import views

SHARE_DIGITS = 3


def timeline(
    chronicle: Chronicle,
    start: float | None,
    stop: float | None,
    columns: int,
    first_lane: int,
    lanes: int,
    sort: str,
    at: float,
) -> views.Timeline:
    """``start`` and ``stop``: unix seconds, None: of the run until then. ``sort``: joined, worker,
    kind, or left (those that are there first)."""
    start = chronicle.began_at if start is None else start
    stop = at if stop is None else stop
    there = _ordered(chronicle.lanes_at(at), sort, at)
    shown = there[first_lane : first_lane + lanes]
    return views.Timeline(
        at=at,
        start=start,
        stop=stop,
        total_lanes=len(there),
        first_lane=first_lane,
        contexts=[chronicle.context_names.get(c) or c for c in chronicle.contexts],
        lanes=[
            _lane(chronicle, lane, window, at)
            for lane, window in zip(
                shown, chronicle.windows(shown, start, stop, columns, at), strict=True
            )
        ],
    )


def _lane(chronicle: Chronicle, lane: Lane, found: Window, at: float) -> views.Lane:
    ids = chronicle.batch_ids(found.row)
    columns_of_spans = (
        found.start.tolist(),
        found.stop.tolist(),
        found.use.tolist(),
        found.context.tolist(),
        ids.tolist(),
        found.share.round(SHARE_DIGITS).tolist(),
    )
    span = views.LaneSpan
    gone = lane.left_at is not None and lane.left_at <= at
    return views.Lane(
        worker=lane.worker,
        kind=lane.capacity.kind,
        joined_at=lane.joined_at,
        left_at=lane.left_at if gone else None,
        left=lane.left if gone else "",
        spans=[
            span(start=a, stop=b, use=USES[use], context=context, batch=batch, share=share)
            for a, b, use, context, batch, share in zip(*columns_of_spans, strict=True)
        ],
    )


def _ordered(lanes: list[Lane], sort: str, at: float) -> list[Lane]:
    if sort == "worker":
        return sorted(lanes, key=lambda lane: natural(lane.worker))
    if sort == "kind":
        return sorted(lanes, key=lambda lane: (lane.capacity.kind, lane.index))
    if sort == "left":
        return sorted(lanes, key=lambda lane: lane.left_at is not None and lane.left_at <= at)
    return lanes


def natural(name: str) -> tuple[str, int, str]:
    """So that w2 comes before w10."""
    letters = name.rstrip("0123456789")
    digits = name[len(letters) :]
    return letters, int(digits) if digits else -1, name
