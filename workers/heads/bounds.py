"""What no way of dealing whole heads to groups of ranks can stay below."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

HALVINGS = 40


def lower_bound(loads: Sequence[float], sizes: Sequence[int]) -> float:
    """The largest load per rank is at least the mean; at least the heaviest head on the largest
    group; and of the ``k * groups + 1`` heaviest heads, k + 1 are in one group."""
    if not loads:
        return 0.0
    descending = sorted(loads, reverse=True)
    groups, size = len(sizes), max(sizes)
    bound = max(sum(loads) / sum(sizes), descending[0] / size)
    for k in range(1, (len(loads) - 1) // groups + 1):
        together = descending[k * groups - k : k * groups + 1]  # the k + 1 lightest of them
        bound = max(bound, sum(together) / size)
    return bound


def tighter_bound(loads: Sequence[float], sizes: Sequence[int]) -> float:
    """The largest load with which Martello and Toth's bound for bin packing (L2) does not yet
    forbid so few groups; that of ``lower_bound`` where groups are of several sizes."""
    low = lower_bound(loads, sizes)
    if len(set(sizes)) != 1:
        return low
    ascending = sorted(loads)
    sums = [0.0, *accumulate(ascending)]
    low, high = low * sizes[0], sums[-1]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _forbidden(middle, len(sizes), ascending, sums):
            low = middle
        else:
            high = middle
    return low / sizes[0]


def _forbidden(room: float, groups: int, ascending: Sequence[float], sums: Sequence[float]) -> bool:
    """Heads of ``small`` and more do not fit beside those of more than ``room - small``, which need
    a group each: the others need as much room as they are, in the groups that are left."""
    for small in ascending[: bisect_right(ascending, room / 2)]:
        begin, end = bisect_left(ascending, small), bisect_right(ascending, room - small)
        alone = len(ascending) - end
        if sums[end] - sums[begin] > (groups - alone) * room * (1 + 1e-12):
            return True
    return False
