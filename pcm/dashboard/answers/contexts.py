"""Contexts: where each is, what it cost to bring it there."""

from __future__ import annotations

from collections import Counter

import numpy as np

from pcm.chronicle import Chronicle, Failure
from pcm.dashboard.views import ContextRow, Place

MOST_PLACES = 500
MOST_ERROR = 4000


def contexts(chronicle: Chronicle, at: float) -> list[ContextRow]:
    """In the order in which they were named first."""
    places: dict[int, list[Place]] = {}
    tiers: Counter[tuple[int, str]] = Counter()
    for lane in chronicle.lanes_at(at):
        if lane.left_at is not None and lane.left_at <= at:
            continue
        for held in lane.held(at):
            status = held.status
            tiers[held.context, "loading" if status in ("staging", "loading") else held.tier] += 1
            some = places.setdefault(held.context, [])
            if len(some) < MOST_PLACES:
                some.append(Place(worker=lane.worker, tier=held.tier, status=status, since=held.at))
    loads = chronicle.loads(at)
    evictions = np.bincount(chronicle.context_evictions(at), minlength=len(chronicle.contexts))
    failures = chronicle.load_failures(at)
    rows = []
    for place, digest in enumerate(chronicle.contexts):
        mine = loads.context == place
        good = mine & (loads.ok == 1)
        seconds = loads.ended_at[good] - loads.began_at[good]
        failed = [failure for failure in failures if failure.context == place]
        rows.append(
            ContextRow(
                context=digest,
                name=chronicle.context_names.get(digest, ""),
                gpu=tiers[place, "gpu"],
                host=tiers[place, "host"],
                disk=tiers[place, "disk"],
                loading=tiers[place, "loading"],
                loads=int(good.sum()),
                reloads=int((good & (loads.again == 1)).sum()),
                load_failures=sum(failure.loading for failure in failed),
                evictions=int(evictions[place]),
                load_seconds_median=float(np.median(seconds)) if len(seconds) else None,
                bytes_from_manager=chronicle.moved_bytes(place, "manager", at),
                bytes_from_workers=chronicle.moved_bytes(place, "worker", at),
                last_error=_text(failed[-1]) if failed else "",
                places=places.get(place, []),
            )
        )
    return rows


def _text(failure: Failure) -> str:
    text = f"{failure.kind.replace('_', ' ')}: {failure.error}"
    return text if len(text) <= MOST_ERROR else text[:MOST_ERROR] + "..."
