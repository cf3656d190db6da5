"""Weights on their way to an accelerator: the next are read while the last are still being copied.

What lies in host memory, or is mapped from files and comes as it is touched, goes piece by piece
into two pinned buffers, and from these to the device on a stream of its own. Numbers that are
wanted in another type are converted there.

Written for CUDA, not yet run there. How bytes are cut and how buffers take turns is tested without
a GPU, by a stand-in that copies as late as it may (`tests/inference/test_device_copy.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn

BUFFER_BYTES = 64 << 20
PIECE_BYTES = 8 << 20
"""So soon the device has something to do while the rest of a buffer is filled."""


class Copier(ABC):
    """Copies to a device by itself, one after the other in the order in which it is asked."""

    @abstractmethod
    def buffer(self, size_bytes: int) -> torch.Tensor:
        """Memory of the host [bytes] from which it can copy."""

    @abstractmethod
    def empty(self, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
        """Memory of the device."""

    @abstractmethod
    def copy(self, there: torch.Tensor, here: torch.Tensor) -> None:
        """Begin to copy, to another type if they differ. What is on the host must stay as it is
        until a later `mark` is passed."""

    @abstractmethod
    def mark(self) -> Callable[[], None]:
        """A function that waits until all that was asked for until now is copied."""


class CudaCopier(Copier):
    """To a CUDA device. Memory is taken on the stream that is current, on which it is used later;
    so no pool of the allocator is left to a stream that is used no more."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._stream.wait_stream(torch.cuda.current_stream(device))

    def buffer(self, size_bytes: int) -> torch.Tensor:
        return torch.empty(size_bytes, dtype=torch.uint8, device="cpu", pin_memory=True)

    def empty(self, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
        return torch.empty(tuple(shape), dtype=dtype, device=self._device)

    def copy(self, there: torch.Tensor, here: torch.Tensor) -> None:
        with torch.cuda.stream(self._stream):
            there.copy_(here, non_blocking=True)

    def mark(self) -> Callable[[], None]:
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(self._stream)
        return event.synchronize


class Conveyor:
    """Sends tensors through two buffers: one is filled while the other is copied. The second is
    made when the first is full: to pin memory takes its time."""

    def __init__(self, copier: Copier, buffer_bytes: int = BUFFER_BYTES) -> None:
        self._copier, self._size = copier, buffer_bytes
        self._buffers: list[torch.Tensor] = []
        self._until_free: list[Callable[[], None]] = [lambda: None] * 2
        self._current, self._used = 1, buffer_bytes

    def send(self, tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Its copy on the device, of this type; there after `finish`."""
        source = tensor.detach().contiguous()
        there = self._copier.empty(source.shape, source.dtype)
        self._send_bytes(_bytes(there), _bytes(source))
        if dtype == there.dtype:
            return there
        converted = self._copier.empty(source.shape, dtype)
        self._copier.copy(converted, there)
        return converted

    def finish(self) -> None:
        """Wait until all that was sent is there."""
        self._copier.mark()()

    def _send_bytes(self, there: torch.Tensor, here: torch.Tensor) -> None:
        done = 0
        while done < len(here):
            if self._used == self._size:
                self._take_turns()
            count = min(len(here) - done, self._size - self._used, PIECE_BYTES)
            part = self._buffers[self._current][self._used : self._used + count]
            part.copy_(here[done : done + count])
            self._copier.copy(there[done : done + count], part)
            self._used += count
            done += count

    def _take_turns(self) -> None:
        self._until_free[self._current] = self._copier.mark()
        self._current, self._used = 1 - self._current, 0
        if len(self._buffers) < 2:
            self._buffers.append(self._copier.buffer(self._size))
        else:
            self._until_free[self._current]()


def move_parameters(
    network: nn.Module,
    copier: Copier,
    sources: Mapping[nn.Parameter, torch.Tensor],
    buffer_bytes: int = BUFFER_BYTES,
) -> None:
    """Have all parameters on the device, in their order and in their types, each with its own
    numbers or with those of another tensor of ``sources``.

    Raises torch.OutOfMemoryError where the device has no room; the network is of no use then.
    """
    conveyor = Conveyor(copier, buffer_bytes)
    for weight in network.parameters():
        weight.data = conveyor.send(sources.get(weight, weight.data), weight.dtype)
    conveyor.finish()


def _bytes(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.reshape(-1).view(torch.uint8)
