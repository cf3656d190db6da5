"""What no way of dealing whole heads to groups of ranks can stay below."""

from __future__ import annotations

from collections.abc import Sequence


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
