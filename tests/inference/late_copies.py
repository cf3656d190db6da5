"""A copier without a GPU, that shows every mistake of time: it copies as late as it may."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from workers.inference.device_copy import Copier

UNWRITTEN = 0xA5


class LateCopier(Copier):
    """Nothing is copied before it is waited for; so a buffer that is filled again too early, or
    a tensor that is used too early, has wrong bytes. The device is memory of the CPU."""

    def __init__(self) -> None:
        self.buffers: list[torch.Tensor] = []
        self.sizes_bytes: list[int] = []
        """Of the copies from a buffer, in their order."""
        self._pending: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._done = 0

    def buffer(self, size_bytes: int) -> torch.Tensor:
        self.buffers.append(torch.empty(size_bytes, dtype=torch.uint8))
        return self.buffers[-1]

    def empty(self, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
        there = torch.empty(tuple(shape), dtype=dtype)
        there.view(-1).view(torch.uint8).fill_(UNWRITTEN)
        return there

    def copy(self, there: torch.Tensor, here: torch.Tensor) -> None:
        if any(here.untyped_storage().data_ptr() == one.data_ptr() for one in self.buffers):
            self.sizes_bytes.append(here.nbytes)
        self._pending.append((there, here))

    def mark(self) -> Callable[[], None]:
        count = len(self._pending)

        def wait() -> None:
            for there, here in self._pending[self._done : count]:
                there.copy_(here)
            self._done = max(self._done, count)

        return wait

    @property
    def unfinished(self) -> int:
        """Copies that nobody has waited for."""
        return len(self._pending) - self._done


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether they are the same to the bit, wherever they are."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    here, there = (tensor.detach().cpu().reshape(-1).view(torch.uint8) for tensor in (one, other))
    return torch.equal(here, there)
