"""What the ranks of a layer exchange; alone, nothing."""

from __future__ import annotations

import torch
from torch.nn.functional import pad

from workers.inference.collectives import add_over_ranks, join_over_ranks
from workers.inference.ranks import are_joined


def summed(part: torch.Tensor) -> torch.Tensor:
    """The sum over the ranks, the same bits on each. ``part`` may be overwritten."""
    return add_over_ranks(part) if are_joined() else part


def side_by_side(part: torch.Tensor, widths: list[int]) -> torch.Tensor:
    """The ranks' parts [..., own width] as one [..., sum of the widths], on each."""
    if not are_joined():
        return part
    widest = max(widths)
    joined = join_over_ranks(pad(part, (0, widest - part.shape[-1])), widest * len(widths))
    if min(widths) == widest:
        return joined
    starts = range(0, widest * len(widths), widest)
    return torch.cat([joined[..., a : a + own] for a, own in zip(starts, widths, strict=True)], -1)
