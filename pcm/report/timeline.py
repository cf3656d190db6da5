"""From overlapping stretches of time to what a worker did at each moment."""

from __future__ import annotations

from collections import defaultdict
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
    edges: list[tuple[float, int, Stretch | None]] = [(left, 0, None)]
    for stretch in stretches:
        start, stop = max(stretch.start, joined), min(stretch.stop, left)
        if start < stop:
            edges += [(start, 1, stretch), (stop, -1, stretch)]
    edges.sort(key=lambda edge: (edge[0], edge[2] is None))
    going_on: dict[Use, dict[str, int]] = {use: defaultdict(int) for use in _ORDER}
    spent: dict[tuple[Use, str], float] = defaultdict(float)
    idle = no_work = 0.0
    before = joined
    for at, step, changed in edges:
        for use in _ORDER:
            if contexts := going_on[use]:
                for context in contexts:
                    spent[use, context] += (at - before) / len(contexts)
                break
        else:
            waited = waiting.within(before, at)
            idle += waited
            no_work += at - before - waited
        before = at
        if changed is None:
            break  # the end of the stay
        counts = going_on[changed.use]
        counts[changed.context] += step
        if not counts[changed.context]:
            del counts[changed.context]
    splits = {context: _split(spent, context) for context in sorted({key[1] for key in spent})}
    busy = sum(splits.values(), Split())
    return busy + Split(idle_seconds=idle, no_work_seconds=no_work), splits


def _split(spent: dict[tuple[Use, str], float], context: str) -> Split:
    return Split(
        useful_seconds=spent.get(("useful", context), 0.0),
        loading_seconds=spent.get(("loading", context), 0.0),
        lost_seconds=spent.get(("lost", context), 0.0),
    )
