"""A plan: which rank has which KV heads of every layer, for which part of a batch's rows."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from workers.heads.document import Document


class Share(msgspec.Struct, frozen=True, array_like=True):
    """A rank has this KV head for the part of a batch's rows from ``start`` to ``stop``:
    0 <= start < stop <= 1. A head that one rank has alone is (head, 0, 1)."""

    head: int
    start: float = 0.0
    stop: float = 1.0


def rows_of(share: Share, rows: int) -> range:
    """Those of a batch's rows. All shares of a head tile range(rows); one may be empty."""
    return range(round(share.start * rows), round(share.stop * rows))


class HeadPlan(Document, frozen=True):
    """``layers``: shares by layer and by rank. ``method``: equal, assigned or copied. Raises
    ValueError unless every head of every layer covers [0, 1) exactly once, and no rank has two
    parts of the same head."""

    WHAT = "plan of heads"
    MEND = "make it anew with pcm plan"

    ranks: int
    heads: int
    method: str
    layers: tuple[tuple[tuple[Share, ...], ...], ...]

    def __post_init__(self) -> None:
        if self.ranks < 1 or self.heads < 1:
            raise ValueError(f"a plan of {self.heads} heads on {self.ranks} ranks")
        for number, layer in enumerate(self.layers):
            if len(layer) != self.ranks:
                raise ValueError(f"layer {number}: shares of {len(layer)} of {self.ranks} ranks")
            self._check_heads(number, layer)

    def loads(self, kept: NDArray[np.float64], rows: int | None = None) -> NDArray[np.float64]:
        """[layers, ranks]: tokens per row that a rank attends to, for ``kept`` [layers, heads].

        With ``rows`` for a batch of so many, whose shares are whole rows. Raises ValueError if
        ``kept`` is of another model.
        """
        if kept.shape != (len(self.layers), self.heads):
            shape = " x ".join(map(str, kept.shape))
            raise ValueError(
                f"a plan for {len(self.layers)} layers x {self.heads} heads, loads of {shape}"
            )
        loads = np.zeros((len(self.layers), self.ranks))
        for layer, rank, share in self.shares():
            part = share.stop - share.start if rows is None else len(rows_of(share, rows)) / rows
            loads[layer, rank] += part * kept[layer, share.head]
        return loads

    def utilisation(self, kept: NDArray[np.float64], rows: int | None = None) -> float:
        """Mean load over largest load, over the whole model: every layer ends with a reduction, so
        the sum of the layers' means over the sum of their maxima. 1 if nothing is kept."""
        loads = self.loads(kept, rows)
        slowest = float(loads.max(axis=1).sum())
        return float(loads.mean(axis=1).sum()) / slowest if slowest else 1.0

    @property
    def copies(self) -> int:
        """Shares beyond one per head, in all layers."""
        return sum(1 for _ in self.shares()) - self.heads * len(self.layers)

    def shares(self) -> Iterator[tuple[int, int, Share]]:
        """All shares, with layer and rank."""
        for number, layer in enumerate(self.layers):
            for rank, shares in enumerate(layer):
                for share in shares:
                    yield number, rank, share

    def _check_heads(self, layer: int, ranks: tuple[tuple[Share, ...], ...]) -> None:
        parts: list[list[Share]] = [[] for _ in range(self.heads)]
        for rank, shares in enumerate(ranks):
            had = [share.head for share in shares]
            if len(set(had)) < len(had):
                raise ValueError(f"layer {layer}: rank {rank} has two parts of one head")
            for share in shares:
                if not 0 <= share.head < self.heads:
                    raise ValueError(f"layer {layer}: there is no head {share.head}")
                if not share.start < share.stop:
                    raise ValueError(f"layer {layer}: head {share.head} has an empty share")
                parts[share.head].append(share)
        for head, shares_of_head in enumerate(parts):
            # Borders must be the same number, or rounding to rows could leave a row out.
            shares_of_head.sort(key=lambda share: share.start)
            borders = [0.0, *(share.stop for share in shares_of_head)]
            starts = [*(share.start for share in shares_of_head), 1.0]
            if borders != starts:
                raise ValueError(
                    f"layer {layer}: the shares of head {head} are not all rows exactly once"
                )
