"""From overlapping stretches of time to what a worker did at each moment."""

from __future__ import annotations

from collections import defaultdict
from typing import Literal, NamedTuple

from pcm.report.figures import Split

Use = Literal["useful", "lost", "loading"]
_ORDER: tuple[Use, ...] = ("useful", "lost", "loading")


class Stretch(NamedTuple):
    """A context kept its worker busy from ``start`` to ``stop`` (unix seconds)."""

    start: float
    stop: float
    use: Use
    context: str


def divide(joined: float, left: float, stretches: list[Stretch]) -> tuple[Split, dict[str, Split]]:
    """Split the time from ``joined`` to ``left``, of the worker and of each context.

    Stretches may overlap: a worker can load one context while another one runs. Each moment counts
    once, as useful if anything useful goes on, else as lost, else as loading, else as idle;
    contexts that do the same at the same moment share it. So the four parts add up to the time
    joined, and the contexts' parts to the worker's.
    """
    edges: list[tuple[float, int, Stretch]] = []
    for stretch in stretches:
        start, stop = max(stretch.start, joined), min(stretch.stop, left)
        if start < stop:
            edges += [(start, 1, stretch), (stop, -1, stretch)]
    edges.sort(key=lambda edge: edge[0])
    going_on: dict[Use, dict[str, int]] = {use: defaultdict(int) for use in _ORDER}
    spent: dict[tuple[Use, str], float] = defaultdict(float)
    before = joined
    for at, step, stretch in edges:
        for use in _ORDER:
            if contexts := going_on[use]:
                for context in contexts:
                    spent[use, context] += (at - before) / len(contexts)
                break
        before = at
        counts = going_on[stretch.use]
        counts[stretch.context] += step
        if not counts[stretch.context]:
            del counts[stretch.context]
    splits = {context: _split(spent, context) for context in sorted({key[1] for key in spent})}
    busy = sum(splits.values(), Split())
    idle = max(0.0, left - joined - busy.joined_seconds)
    return busy + Split(idle_seconds=idle), splits


def _split(spent: dict[tuple[Use, str], float], context: str) -> Split:
    return Split(
        useful_seconds=spent.get(("useful", context), 0.0),
        loading_seconds=spent.get(("loading", context), 0.0),
        lost_seconds=spent.get(("lost", context), 0.0),
    )
