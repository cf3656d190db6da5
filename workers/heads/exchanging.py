"""A way to deal heads made better step by step: moves of a head, and swaps of two."""

from __future__ import annotations

from collections.abc import Sequence

Weights = Sequence[float]


def dealt(weights: Weights, sizes: Sequence[int]) -> list[int]:
    """A group for each weight, in their order: the one that is loaded least with it. With weights
    that descend, and groups of one rank, that is LPT: at most 4/3 - 1/(3 groups) of the optimum."""
    sums = [0.0] * len(sizes)
    groups = []
    for weight in weights:
        group = min(range(len(sizes)), key=lambda group: (sums[group] + weight) / sizes[group])
        sums[group] += weight
        groups.append(group)
    return groups


def exchanged(weights: Weights, sizes: Sequence[int], groups: Sequence[int]) -> list[int]:
    """Moves from the most loaded group, and swaps with it, as long as the larger load of the two
    groups falls. None of them makes the largest load of all rise."""
    found = list(groups)
    sums = [0.0] * len(sizes)
    for weight, group in zip(weights, found, strict=True):
        sums[group] += weight
    while True:
        most = max(range(len(sizes)), key=lambda group: sums[group] / sizes[group])
        best, step = sums[most] / sizes[most] * (1 - 1e-9), None  # a step must be worth its while
        here = [place for place, group in enumerate(found) if group == most]
        for place, group in [*enumerate(found), *((-1, group) for group in range(len(sizes)))]:
            if group == most:
                continue
            back = weights[place] if place >= 0 else 0.0
            top, other = sums[most] + back, sums[group] - back
            size, other_size = sizes[most], sizes[group]
            for mine in here:
                given = weights[mine]
                after = max((top - given) / size, (other + given) / other_size)
                if after < best:
                    best, step = after, (mine, place, group)
        if step is None:
            return found
        mine, place, group = step
        back = weights[place] if place >= 0 else 0.0
        sums[most] += back - weights[mine]
        sums[group] += weights[mine] - back
        found[mine] = group
        if place >= 0:
            found[place] = most


def largest_of(weights: Weights, sizes: Sequence[int], groups: Sequence[int]) -> float:
    """The load per rank of the most loaded group."""
    sums = [0.0] * len(sizes)
    for weight, group in zip(weights, groups, strict=True):
        sums[group] += weight
    return max(total / size for total, size in zip(sums, sizes, strict=True))
