"""The answers of the API about a scene, at any moment of it."""

from __future__ import annotations

import bisect
import itertools
import math
from collections import Counter, defaultdict

from pcm.dashboard import views
from tests.dashboard.browser.scene import BEGAN, CONTEXTS, DIGESTS, Scene, Span, Stay

USES: tuple[views.Use, ...] = ("useful", "loading", "lost", "idle", "no_work")


def overview(scene: Scene, at: float) -> views.Overview:
    head = scene.head(at)
    left = head.items - head.finished
    rate = head.items * 0.0002 * max(0.2, scene.share(at))
    crew = Counter(state(stay, at) for stay in scene.here(at))
    seconds = left / max(rate, 0.001)
    split = split_until(scene, at)
    return views.Overview(
        head=head,
        at=at,
        seq=int(at - BEGAN) * 10,
        seconds=at - BEGAN,
        in_flight=min(left, 8 * crew["working"]),
        waiting=max(0, left - 8 * crew["working"]),
        items_per_second=rate,
        eta=views.Eta(
            seconds=seconds, soonest_seconds=seconds * 0.86, latest_seconds=seconds * 1.24
        )
        if left and head.state == "running"
        else None,
        efficiency=0.83 if head.finished else None,
        split=views.SplitShares(**{f"{use}_seconds": split[use] for use in USES}),
        crew=views.Crew(**{name: crew[name] for name in ("idle", "loading", "working")}),
        retries=31,
        lost_batches=split["batches"],
        evictions=sum(1 for s in scene.stays if gone(s, at) and not s.left.startswith("retired")),
        troubles=troubles(scene),
    )


def troubles(scene: Scene) -> list[views.Trouble]:
    if not scene.troubled:
        return []
    return [
        views.Trouble(
            grade="bad",
            what=scene.foreign or "All glideins of the class a10 are held",
            mend="12 say: Error from slot1@node17: failed to send file, no space left. "
            "Free space on /scratch, then: condor_release -constraint 'HoldReasonCode == 12'",
            tab="glideins",
        ),
        views.Trouble(
            grade="warning",
            what="h100-0007 is 1.6 times slower than its kind",
            mend="Its clocks are held down by heat: drain it, and tell who runs node h-17.",
            tab="findings",
        ),
        views.Trouble(grade="note", what="23 items have no answer", tab="items"),
    ]


def split_until(scene: Scene, at: float) -> Counter[str]:
    total: Counter[str] = Counter()
    for stay in scene.stays:
        for start, stop, use, _, _ in stay.spans:
            if start < at - BEGAN:
                total[use] += round(min(stop, at - BEGAN) - start)
                total["batches"] += use == "lost"
    return total


def curves(scene: Scene, at: float, points: int) -> views.Curves:
    points = max(2, min(points, 300))
    step = max(at - BEGAN, 1.0) / (points - 1)
    moments = [BEGAN + step * place for place in range(points)]
    shares: dict[str, list[float]] = {use: [0.0] * points for use in USES}
    counts = {"workers": [0] * points, "working": [0] * points, "loading": [0] * points}
    for stay in scene.stays:
        for start, stop, use, _, _ in stay.spans:
            first, last = math.ceil(start / step), min(points - 1, math.floor(stop / step))
            for place in range(first, last + 1):
                shares[use][place] += 1
                counts["workers"][place] += 1
                counts["working"][place] += use in ("useful", "lost")
                counts["loading"][place] += use == "loading"
    for place in range(points):
        whole = sum(shares[use][place] for use in USES) or 1
        for use in USES:
            shares[use][place] /= whole
    finished = [round(scene.items * scene.share(moment)) for moment in moments]
    rates = [0.0] + [(b - a) / step for a, b in itertools.pairwise(finished)]
    return views.Curves(
        at=moments,
        finished=finished,
        items_per_second=rates,
        **counts,
        useful=shares["useful"],
        loading_share=shares["loading"],
        lost=shares["lost"],
        idle=shares["idle"],
        no_work=shares["no_work"],
    )


def gone(stay: Stay, at: float) -> bool:
    return stay.left_at is not None and stay.left_at <= at - BEGAN


def now(stay: Stay, at: float) -> Span | None:
    place = bisect.bisect_right(stay.spans, at - BEGAN, key=lambda span: span[0]) - 1
    return stay.spans[place] if place >= 0 else None


def state(stay: Stay, at: float) -> views.WorkerState:
    span = now(stay, at)
    if gone(stay, at):
        return "gone"
    names: dict[str, views.WorkerState] = {"useful": "working", "lost": "working"}
    return names.get(span[2], "loading" if span[2] == "loading" else "idle") if span else "idle"


def worker(scene: Scene, stay: Stay, at: float) -> views.WorkerRow:
    number = scene.stays.index(stay)
    done = sum(1 for _, stop, use, _, _ in stay.spans if use == "useful" and stop <= at - BEGAN)
    span = now(stay, at)
    working = span is not None and span[4] >= 0 and not gone(stay, at)
    rivals = [s.worker for s in scene.stays[number + 1 : number + 4]]
    terms: list[dict[str, float | str]] = []
    for place, name in enumerate((stay.worker, *rivals)):
        parts = {"free_in": 1.9 * place, "warm_in": 0.2, "work": 2.4 + 0.5 * place, "risk": 0.1}
        terms.append({"worker": name, **parts, "total": sum(parts.values())})
    return views.WorkerRow(
        worker=scene.foreign or stay.worker,
        state=state(stay, at),
        kind=stay.kind,
        host=f"node{number % 37:02d}.cluster.example.org",
        zone=f"rack-{number % 4}",
        pool="glideins" if number % 3 else "owned",
        gpus=1,
        gpu_memory_bytes=stay.memory_gb * 10**9,
        memory_bytes=64 * 10**9,
        joined_at=BEGAN + stay.joined_at,
        left_at=BEGAN + stay.left_at if stay.left_at is not None and gone(stay, at) else None,
        left=stay.left if gone(stay, at) else "",
        held=[
            views.Held(
                context=DIGESTS[place],
                name=CONTEXTS[place],
                tier="gpu" if place == 0 else "host",
                status="warm" if place == 0 else "parked",
                memory_bytes=(18, 2)[place] * 10**9,
                since=BEGAN + stay.joined_at + 40,
            )
            for place in range(1 + number % 2)
            if not gone(stay, at)
        ],
        batch=span[4] if span and working else None,
        items=done * 8,
        items_per_second=stay.speed * 1.7 if done else None,
        relative_speed=(0.62 if number == 7 else 1 + (number % 9 - 4) / 60) if done else None,
        skew=1.6 if number == 7 else 1.0,
        lost_batches=number % 11 == 3,
        placement=views.Placement(
            batch=span[4], items=8, attempt=1, predicted_seconds=2.7, terms=terms
        )
        if span and span[4] >= 0
        else None,
    )


def workers(scene: Scene, at: float, asked: dict[str, str]) -> views.WorkersPage:
    rows = [worker(scene, s, at) for s in scene.stays if s.joined_at <= at - BEGAN]
    words = asked.get("search", "").lower()
    rows = [r for r in rows if words in f"{r.worker} {r.host} {r.kind}".lower()]
    rows = [r for r in rows if asked.get("state", "") in ("", r.state)]
    sort = asked.get("sort", "worker")
    rows.sort(key=lambda row: (getattr(row, sort) is not None, getattr(row, sort) or 0, row.worker))
    if asked.get("descending") == "true":
        rows.reverse()
    first, limit = int(asked.get("offset", 0)), int(asked.get("limit", 100))
    return views.WorkersPage(at=at, total=len(rows), rows=rows[first : first + limit])


def timeline(scene: Scene, at: float, asked: dict[str, str]) -> views.Timeline:
    start = max(float(asked.get("start", BEGAN)), BEGAN) - BEGAN
    stop = min(float(asked.get("stop", at)), at) - BEGAN
    column = max(stop - start, 0.001) / int(asked.get("columns", 1000))
    keys = {"worker": lambda s: s.worker, "kind": lambda s: s.kind, "joined": lambda s: s.joined_at}
    stays = [s for s in scene.stays if s.joined_at <= at - BEGAN]
    stays.sort(key=keys.get(asked.get("sort", "joined"), lambda s: s.left_at or math.inf))
    first = int(asked.get("first_lane", 0))
    shown = stays[first : first + int(asked.get("lanes", 50))]
    return views.Timeline(
        at=at,
        start=start + BEGAN,
        stop=stop + BEGAN,
        total_lanes=len(stays),
        first_lane=first,
        contexts=list(CONTEXTS),
        lanes=[
            views.Lane(
                worker=scene.foreign or stay.worker,
                kind=stay.kind,
                joined_at=BEGAN + stay.joined_at,
                left_at=BEGAN + stay.left_at if stay.left_at and gone(stay, at) else None,
                left=stay.left if gone(stay, at) else "",
                spans=spans(stay, start, stop, column),
            )
            for stay in shown
        ],
    )


def spans(stay: Stay, start: float, stop: float, column: float) -> list[views.LaneSpan]:
    """No finer than a column: what is narrower is merged with what follows."""
    found: list[views.LaneSpan] = []
    kept: defaultdict[views.Use, float] = defaultdict(float)
    began = -1.0
    for first, last, use, context, batch in stay.spans:
        left, right = max(first, start), min(last, stop)
        if left >= right:
            continue
        if right - left >= column and began < 0:
            found.append(span(left, right, use, context, batch))
            continue
        began = left if began < 0 else began
        kept[use] += right - left
        if right - began >= column:
            most = max(kept, key=kept.__getitem__)
            share = kept[most] / (right - began)
            found.append(span(began, right, most, share=share))
            kept.clear()
            began = -1.0
    return found


def span(
    start: float, stop: float, use: views.Use, context: int = -1, batch: int = -1, share: float = 1
) -> views.LaneSpan:
    return views.LaneSpan(
        start=BEGAN + start,
        stop=BEGAN + stop,
        use=use,
        context=context,
        batch=batch,
        share=share,
    )
