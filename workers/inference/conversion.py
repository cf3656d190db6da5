"""Weights that are converted to another type of numbers while the model is put together.

The numbers of a whole file are converted in few calls, which do not need the interpreter. Between
two of them a thread would wait until Python lets go of it, and that may be a long time.

Large pages were tried for the memory: half the time where they are at hand, and ten times as much
where the system has to make them first.
"""

from __future__ import annotations

import threading

import torch

from workers.inference.weights import Tensors

ALIGNED_BYTES = 64
"""Where torch's own memory begins."""


class Conversion:
    """Tensors in another type of floating point numbers, which are there when ``wait`` returns."""

    def __init__(self, stored: Tensors, wanted: torch.dtype) -> None:
        """Of mapped tensors of other types. Raises RuntimeError where memory does not suffice."""
        self.tensors: Tensors = {}
        self._runs: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._error: Exception | None = None
        groups = _neighbours(stored, wanted)
        unit = ALIGNED_BYTES // wanted.itemsize
        starts, end = [], 0
        for group in groups:
            starts.append(end)
            end += -(-sum(stored[name].numel() for name in group) // unit) * unit
        memory = torch.empty(end, dtype=wanted)
        for group, start in zip(groups, starts, strict=True):
            counts = [stored[name].numel() for name in group]
            there = memory[start : start + sum(counts)]
            self._runs.append((there, stored[group[0]].as_strided((sum(counts),), (1,))))
            for name, part in zip(group, torch.split(there, counts), strict=True):
                self.tensors[name] = part.view(stored[name].shape)
        self._thread = threading.Thread(target=self._convert, name="pcm-conversion", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until all numbers are there. Raises RuntimeError where they could not be converted."""
        self._thread.join()
        self._runs.clear()
        if self._error is not None:
            raise RuntimeError(f"weights could not be converted: {self._error}") from self._error

    def _convert(self) -> None:
        try:
            for there, stored in self._runs:
                there.copy_(stored)
        except Exception as error:
            self._error = error


def _neighbours(stored: Tensors, wanted: torch.dtype) -> list[list[str]]:
    """Names of tensors that lie one behind the other and can be converted as if they were one: each
    begins where torch's own memory might."""
    groups: list[list[str]] = []
    count, last = 0, None
    for name, tensor in sorted(stored.items(), key=lambda named: named[1].data_ptr()):
        if (
            last is not None
            and last.dtype == tensor.dtype
            and last.untyped_storage().data_ptr() == tensor.untyped_storage().data_ptr()
            and last.data_ptr() + last.nbytes == tensor.data_ptr()
            and count * wanted.itemsize % ALIGNED_BYTES == 0
        ):
            groups[-1].append(name)
        else:
            groups.append([name])
            count = 0
        count += tensor.numel()
        last = tensor
    return groups
