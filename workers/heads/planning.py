"""From what heads keep to a plan for all layers of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workers.heads.budget import spend
from workers.heads.choices import choices
from workers.heads.copying import Shares
from workers.heads.equal import equal_shares
from workers.heads.plan import HeadPlan, Share

Method = Literal["equal", "assigned", "copied"]


def plan_heads(
    loads: NDArray[np.float64],
    ranks: int,
    *,
    copies: int | None = None,
    method: Method = "copied",
    rows: int | None = None,
) -> HeadPlan:
    """Deal the heads of each layer to ``ranks``, so that the sum of the layers' largest loads is
    small; it is never larger than with equally many heads in a row on each rank.

    ``loads`` [layers, heads]: what a head takes per row of a batch, tokens that it keeps.
    ``copies``: at most in all; None: in each layer as many as help, where no two ranks have more
    than one head in common. ``rows``: of the batches, if they are few: shares then are whole rows
    of such a batch. Raises ValueError if loads are not such, or a number is out of range.
    """
    _check(loads, ranks, copies, rows)
    layers, heads = loads.shape
    if method == "equal":
        return HeadPlan(ranks, heads, method, (equal_shares(heads, ranks),) * layers)
    most = 0 if method == "assigned" else ranks - 1 if copies is None else min(copies, ranks - 1)
    ways = [choices(row.tolist(), ranks, most, rows=rows) for row in loads]
    chosen = [choice.shares for choice in spend(ways, copies)]
    return HeadPlan(ranks, heads, method, tuple(_evened(chosen, loads)))


def _evened(layers: Sequence[Shares], loads: NDArray[np.float64]) -> list[Shares]:
    """Ranks are alike, so each layer's heaviest part goes to the rank that has least so far: the
    memory of the caches is then even, too."""
    found: list[Shares] = []
    so_far = [0.0] * len(layers[0])
    for shares, row in zip(layers, loads.tolist(), strict=True):
        parts = sorted(
            ((_tokens(part, row), len(part), part) for part in shares), key=lambda each: each[:2]
        )
        ranks = sorted(range(len(so_far)), key=lambda rank: -so_far[rank])
        placed: list[tuple[Share, ...]] = [()] * len(so_far)
        for rank, (tokens, _, part) in zip(ranks, parts, strict=True):
            so_far[rank] += tokens
            placed[rank] = tuple(sorted(part, key=lambda share: share.head))
        found.append(tuple(placed))
    return found


def _tokens(part: Sequence[Share], row: Sequence[float]) -> float:
    return sum((share.stop - share.start) * row[share.head] for share in part)


def _check(loads: NDArray[np.float64], ranks: int, copies: int | None, rows: int | None) -> None:
    if loads.ndim != 2 or not loads.size:
        raise ValueError(f"loads are [layers, heads], these are of shape {loads.shape}")
    if not np.isfinite(loads).all() or (loads < 0).any():
        raise ValueError("loads are numbers of tokens: finite, and not below 0")
    if ranks < 1:
        raise ValueError(f"heads cannot be dealt to {ranks} ranks")
    if copies is not None and copies < 0:
        raise ValueError(f"there cannot be {copies} copies")
    if rows is not None and rows < 1:
        raise ValueError(f"a batch cannot have {rows} rows")
