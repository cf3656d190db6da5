"""Copies over the layers of a model under a budget: where they gain most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workers.heads.choices import Choice


def spend(layers: Sequence[Sequence[Choice]], copies: int | None) -> list[Choice]:
    """One choice per layer, with at most so many copies in all, such that the sum of the layers'
    largest loads is least; None: each layer's best. The first choice of a layer takes no copy.

    A knapsack in which every layer has one of several items; exact, by dynamic programming.
    """
    if copies is None:
        return [choices[-1] for choices in layers]
    copies = min(copies, sum(choices[-1].copies for choices in layers))
    costs = np.zeros(copies + 1)  # of the layers so far, with at most so many copies
    taken = np.zeros((len(layers), copies + 1), dtype=np.int64)
    for layer, choices in enumerate(layers):
        after = np.full(copies + 1, np.inf)
        for index, choice in enumerate(choices):
            if choice.copies <= copies:
                reached = costs[: copies + 1 - choice.copies] + choice.largest
                better = reached < after[choice.copies :]
                after[choice.copies :][better] = reached[better]
                taken[layer, choice.copies :][better] = index
        costs = after
    found: list[Choice] = []
    left = copies
    for choices, indices in zip(reversed(layers), reversed(taken), strict=True):
        found.append(choices[indices[left]])
        left -= found[-1].copies
    return found[::-1]
