"""What a worker did at each moment, from stretches that may overlap.

A worker can load one context while another one runs. Each moment counts once, as useful if
anything useful goes on, else as lost, else as loading: the rule of ``pcm.report.timeline``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Use = Literal["useful", "lost", "loading", "idle", "no_work"]
USES: tuple[Use, ...] = ("useful", "lost", "loading", "idle", "no_work")
"""What a worker's time goes into; those that go before others, first. Their places are codes."""

USEFUL, LOST, LOADING, IDLE, NO_WORK = range(5)


class Stretch(NamedTuple):
    """Unix seconds; ``context``: its place in ``Chronicle.contexts``, ``row``: of the table of
    batches, or -1."""

    start: float
    stop: float
    use: int
    context: int
    row: int


def settled(stretches: list[Stretch], until: float) -> tuple[Sequence[Stretch], list[Stretch]]:
    """Pieces without overlaps, in order, of the time before ``until``, and what is left for later.

    Everything that begins before ``until`` must be known.
    """
    if len(stretches) > 1:
        stretches.sort()
    before = 0.0
    for place, stretch in enumerate(stretches):
        if stretch.start < before:
            return _layered(stretches, until)
        if stretch.stop > until:
            return stretches[:place], stretches[place:]
        before = stretch.stop
    return stretches, []


def _layered(stretches: list[Stretch], until: float) -> tuple[list[Stretch], list[Stretch]]:
    pieces: list[Stretch] = []
    edges: list[tuple[float, int]] = []
    left: list[Stretch] = []
    for number, stretch in enumerate(stretches):
        stop = min(stretch.stop, until)
        if stretch.start < stop:
            edges += [(stretch.start, number), (stop, ~number)]
        if stretch.stop > until:
            left.append(stretch._replace(start=max(stretch.start, until)))
    edges.sort(key=lambda edge: edge[0])
    going_on: tuple[dict[int, None], ...] = ({}, {}, {})
    before = edges[0][0] if edges else until
    for at, edge in edges:
        if at > before:
            for layer in going_on:
                if layer:
                    _append(pieces, stretches[next(iter(layer))], before, at)
                    break
            before = at
        number = edge if edge >= 0 else ~edge
        layer = going_on[stretches[number].use]
        if edge >= 0:
            layer[number] = None
        else:
            del layer[number]
    return pieces, left


def _append(pieces: list[Stretch], what: Stretch, start: float, stop: float) -> None:
    piece = Stretch(start, stop, what.use, what.context, what.row)
    last = pieces[-1] if pieces else None
    if last is not None and last.stop == start and last[2:] == piece[2:]:
        pieces[-1] = last._replace(stop=stop)
    else:
        pieces.append(piece)
