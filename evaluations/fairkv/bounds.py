"""What no way of dealing whole heads to ranks can stay below, where no optimum is proven."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

from workers.heads.bounds import lower_bound

HALVINGS = 40


def tighter_bound(loads: Sequence[float], ranks: int) -> float:
    """The largest load with which Martello and Toth's bound for bin packing (L2) does not yet
    forbid so few ranks. ``loads`` by head."""
    ascending = sorted(loads)
    sums = [0.0, *accumulate(ascending)]
    low, high = lower_bound(loads, [1] * ranks), sums[-1]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _forbidden(middle, ranks, ascending, sums):
            low = middle
        else:
            high = middle
    return low


def _forbidden(room: float, ranks: int, ascending: Sequence[float], sums: Sequence[float]) -> bool:
    """Heads of ``small`` and more do not fit beside those of more than ``room - small``, which need
    a rank each: the others need as much room as they are, on the ranks that are left."""
    for small in ascending[: bisect_right(ascending, room / 2)]:
        begin, end = bisect_left(ascending, small), bisect_right(ascending, room - small)
        alone = len(ascending) - end
        if sums[end] - sums[begin] > (ranks - alone) * room * (1 + 1e-12):
            return True
    return False
