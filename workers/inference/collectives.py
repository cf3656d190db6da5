"""Sums and joins over the ranks, of which every bit follows from the numbers alone.

A sum of two numbers has one order. Of more, a library adds in an order that depends on where in the
tensor a number stands, so on the items beside it; here ranks are added from 0 upwards in float32,
wherever a number stands, with as much traffic as a ring has.
"""

from __future__ import annotations

import torch
from torch import distributed
from torch.nn.functional import pad


def add_over_ranks(part: torch.Tensor) -> torch.Tensor:
    """The sum of the parts of all ranks, the same bits on each. ``part`` may be overwritten."""
    count = distributed.get_world_size()
    if count == 1:
        return part
    part = part.contiguous()
    if count == 2:
        distributed.all_reduce(part)
        return part
    size = part.numel()
    sent = pad(part.flatten(), (0, -size % count))
    received = torch.empty_like(sent)
    distributed.all_to_all_single(received, sent)
    mine, *others = received.view(count, -1).float()
    for other in others:
        mine = mine + other
    distributed.all_gather_into_tensor(sent, mine.to(part.dtype))
    return sent[:size].view(part.shape)


def join_over_ranks(part: torch.Tensor, width: int) -> torch.Tensor:
    """The parts [..., columns] of all ranks side by side, the first ``width`` columns of them."""
    parts = [torch.empty_like(part) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, part.contiguous())
    return torch.cat(parts, -1)[..., :width]
