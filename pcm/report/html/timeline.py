"""What every worker did when: a lane for each, no finer than can be seen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pcm.durations import counted
from pcm.report.history import History
from pcm.report.html.axes import LEFT, RIGHT, WIDTH, canvas, clock, time_scale, time_ticks
from pcm.report.html.markup import Markup, cut, joined, number, tag
from pcm.report.lanes import USES, Lane, cells, spans

MOST_LANES = 2000
MOST_COLUMNS, LEAST_COLUMNS = 1000, 60
MOST_SPANS = 30_000
NAMED_LANES = 48
MOST_MARKED_BATCHES = 3000
LEAST_BATCH_PIXELS = 5.0
HEADING, GAP, BOTTOM = 18.0, 6.0, 24.0
HIGHEST_LANE, LOWEST_LANE, HIGHEST_PLOT = 16.0, 0.8, 720.0


@dataclass(slots=True)
class Row:
    """A worker, with its stays in all sittings. Times are elapsed seconds."""

    worker: str
    kind: str
    joined: float
    starts: NDArray[np.float64]
    stops: NDArray[np.float64]
    uses: NDArray[np.uint8]
    batches: NDArray[np.float64]
    taken_at: list[float] = field(default_factory=list)


def timeline_plot(history: History, breaks: list[float]) -> tuple[Markup, str]:
    """And what is to be said of it: how many lanes it shows, and how fine."""
    rows = _rows(history)
    total = len(rows)
    if total > MOST_LANES:
        rows = [rows[i] for i in np.linspace(0, total - 1, MOST_LANES).astype(int)]
    groups: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row.kind, row.joined, row.worker)):
        groups.setdefault(row.kind, []).append(row)
    height = min(HIGHEST_LANE, max(LOWEST_LANE, HIGHEST_PLOT / max(1, len(rows))))
    drawn, columns = _runs(rows, history.seconds)
    x = time_scale(history.seconds)
    top, parts = 0.0, []
    for kind, members in groups.items():
        heading = f"{cut(kind, 60)}: {counted(len(members), 'worker')}"
        parts.append(tag("text", heading, x=LEFT, y=top + 13.0, class_="h"))
        top += HEADING
        runs = [drawn[id(row)] for row in members]
        parts.append(_lanes(runs, columns, top, height))
        parts.append(_marks(members, top, height, history.seconds, len(rows)))
        top += height * len(members) + GAP
    for tick in time_ticks(history.seconds):
        parts.append(tag("text", clock(tick), x=x(tick), y=top + 14.0, class_="x"))
    dashed = "".join(f"M{number(x(b))} {number(HEADING)}V{number(top)}" for b in breaks)
    plot = canvas(
        top + BOTTOM,
        f"what each of {counted(total, 'worker')} did over time",
        *parts,
        tag("path", d=dashed, class_="b"),
    )
    shown = f"{len(rows):,} of {total:,} workers, " if len(rows) < total else ""
    finest = history.seconds / columns if columns else 0.0
    return plot, f"{shown}a column is {finest:.2g} s: it shows what most of it was"


def _rows(history: History) -> list[Row]:
    stays: dict[str, list[Lane]] = {}
    for lane in history.lanes:
        stays.setdefault(lane.worker, []).append(lane)
    rows = []
    for worker, lanes in stays.items():
        joined_at = history.elapsed(np.array([lane.joined_at for lane in lanes]))
        taken = [lane.left_at for lane in lanes if lane.left in ("evicted", "lost")]
        rows.append(
            Row(
                worker=worker,
                kind=lanes[0].kind,
                joined=float(joined_at.min()),
                starts=history.elapsed(np.concatenate([lane.starts for lane in lanes])),
                stops=history.elapsed(np.concatenate([lane.stops for lane in lanes])),
                uses=np.concatenate([lane.uses for lane in lanes]),
                batches=history.elapsed(np.concatenate([lane.batches for lane in lanes])),
                taken_at=history.elapsed(np.array(taken)).tolist() if taken else [],
            )
        )
    return rows


def _runs(rows: list[Row], seconds: float) -> tuple[dict[int, list[tuple[int, int, int]]], int]:
    """Of each row, runs of columns with one use; by ever fewer columns until they are few."""
    columns = MOST_COLUMNS
    while True:
        edges = np.linspace(0.0, seconds, columns + 1)
        drawn = {id(r): list(spans(cells(r.starts, r.stops, r.uses, edges))) for r in rows}
        if sum(map(len, drawn.values())) <= MOST_SPANS or columns // 2 < LEAST_COLUMNS:
            return drawn, columns
        columns //= 2


def _lanes(
    runs: list[list[tuple[int, int, int]]], columns: int, top: float, height: float
) -> Markup:
    """One path per use. Columns and lanes are the units within the group, which makes it short."""
    paths: list[list[str]] = [[] for _ in USES]
    for lane, row in enumerate(runs):
        for first, stop, use in row:
            paths[use].append(f"M{first} {lane}h{stop - first}")
    place = f"translate({LEFT:g} {number(top + height / 2)})"
    scale = f"scale({(WIDTH - LEFT - RIGHT) / columns:.6g} {height:.6g})"
    shapes = [
        tag("path", d="".join(path), class_=f"s-{use}")
        for use, path in zip(USES, paths, strict=True)
        if path
    ]
    thick = "lane" if height > 4 else "lane full"
    return tag("g", *shapes, transform=f"{place} {scale}", class_=thick)


def _marks(rows: list[Row], top: float, height: float, seconds: float, lanes: int) -> Markup:
    """Names, where there is room, where batches begin, and where workers were taken away."""
    x = time_scale(seconds)
    parts = []
    if lanes <= NAMED_LANES:
        for number_, row in enumerate(rows):
            name = row.worker if len(row.worker) <= 9 else f"…{row.worker[-8:]}"
            at = top + (number_ + 0.5) * height
            label = tag("title", cut(row.worker, 200))
            parts.append(tag("text", label, name, x=LEFT - 6, y=at + 3.5, class_="y small"))
    batches = sum(len(row.batches) for row in rows)
    widths = np.concatenate([np.diff(np.sort(row.batches)) for row in rows])
    apart = float(np.median(widths)) / seconds * (x.stop - x.start) if len(widths) else 0.0
    if batches <= MOST_MARKED_BATCHES and apart >= LEAST_BATCH_PIXELS and height > 4:
        cuts = "".join(
            f"M{x(at):.1f} {top + lane * height:.1f}v{height:.1f}"
            for lane, row in enumerate(rows)
            for at in row.batches
        )
        parts.append(tag("path", d=cuts, class_="cut"))
    half = min(4.0, max(1.2, height / 2.5))
    taken = "".join(
        f"M{x(at):.1f} {top + (lane + 0.5) * height:.1f}l{half:.1f} {-half:.1f}v{2 * half:.1f}z"
        for lane, row in enumerate(rows)
        for at in row.taken_at
    )
    if taken:
        parts.append(tag("path", tag("title", "taken away"), d=taken, class_="lost"))
    return joined(parts)
