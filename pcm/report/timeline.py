"""From overlapping stretches of time to what a worker did at each moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from pcm.report.figures import Split
from pcm.report.waiting import WaitingTime

Use = Literal["useful", "lost", "loading"]
_ORDER: tuple[Use, ...] = ("useful", "lost", "loading")


class Stretch(NamedTuple):
    """A context kept its worker busy from ``start`` to ``stop`` (unix seconds)."""

    start: float
    stop: float
    use: Use
    context: str
    taken: bool = False
    """Whether it ended because its worker was taken away."""


class Course(NamedTuple):
    """What is known of a worker's stay when it ends. ``stay``: its place among those of the bound;
    None if it could not have worked for the run. ``out``: from when to when it had each batch."""

    worker: str
    kind: str
    gpus: int
    joined_at: float
    left_at: float
    left: str
    stay: int | None
    stretches: list[Stretch]
    out: list[tuple[float, float]]
    waiting: WaitingTime
    resting: WaitingTime


class Piece(NamedTuple):
    """A part of a worker's stay in which it did one thing; ``label`` is empty where nothing went
    on. ``contexts``: those that shared it."""

    start: float
    stop: float
    label: str
    contexts: tuple[str, ...]


def sweep(
    joined: float,
    left: float,
    labelled: Iterable[tuple[float, float, str, str]],
    order: Sequence[str],
) -> Iterator[Piece]:
    """Pieces of the time from ``joined`` to ``left``, without gaps and in order, from overlapping
    ones (start, stop, label, context): each moment has the first label in ``order`` of what goes
    on then."""
    edges: list[tuple[float, int, str, str]] = [(left, 0, "", "")]
    for began, ended, label, context in labelled:
        start, stop = max(began, joined), min(ended, left)
        if start < stop:
            edges += [(start, 1, label, context), (stop, -1, label, context)]
    edges.sort(key=lambda edge: (edge[0], not edge[1]))
    going_on: dict[str, dict[str, int]] = {label: defaultdict(int) for label in order}
    before = joined
    for at, step, label, context in edges:
        if at > before:
            now = next((label for label in order if going_on[label]), "")
            yield Piece(before, at, now, tuple(going_on[now]) if now else ())
            before = at
        if not step:
            return  # the end of the stay
        counts = going_on[label]
        counts[context] += step
        if not counts[context]:
            del counts[context]


def divide(
    joined: float, left: float, stretches: list[Stretch], waiting: WaitingTime
) -> tuple[Split, dict[str, Split]]:
    """Split the time from ``joined`` to ``left``, of the worker and of each context.

    Stretches may overlap: a worker can load one context while another one runs. Each moment counts
    once, as useful if anything useful goes on, else as lost, else as loading, else as idle if
    anything was waiting, else as no work; contexts that do the same at the same moment share it. So
    the five parts add up to the time joined, and the contexts' parts, which have only the first
    three, to the worker's.
    """
    spent: dict[tuple[str, str], float] = defaultdict(float)
    idle = no_work = 0.0
    going_on = ((s.start, s.stop, s.use, s.context) for s in stretches)
    for start, stop, use, sharing in sweep(joined, left, going_on, _ORDER):
        if use:
            for context in sharing:
                spent[use, context] += (stop - start) / len(sharing)
        else:
            waited = waiting.within(start, stop)
            idle += waited
            no_work += stop - start - waited
    splits = {context: _split(spent, context) for context in sorted({key[1] for key in spent})}
    busy = sum(splits.values(), Split())
    return busy + Split(idle_seconds=idle, no_work_seconds=no_work), splits


def _split(spent: dict[tuple[str, str], float], context: str) -> Split:
    return Split(
        useful_seconds=spent.get(("useful", context), 0.0),
        loading_seconds=spent.get(("loading", context), 0.0),
        lost_seconds=spent.get(("lost", context), 0.0),
    )
