"""The next token of many items: by one operation for all that take the most likely one."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import torch

from workers.inference.continuation import Continuation
from workers.inference.limits import NOT_FINITE


def grow_all(items: Sequence[Continuation], logits: torch.Tensor) -> None:
    """As `Continuation.grow` for each item with its row of the logits [items, vocabulary]."""
    tops, best = (column.tolist() for column in logits.max(-1))  # where there is a NaN, it is that
    for item, scores, top, token in zip(items, logits, tops, best, strict=True):
        if not item.takes_the_best:
            item.grow(scores.float().cpu())
        elif isnan(top):
            item.fail(ValueError(NOT_FINITE))
        else:
            item.take(token)
