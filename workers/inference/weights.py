"""Weights from safetensors files as they lie on disk: mapped, not copied, wherever that can be.

A mapped tensor costs nothing until it is used, and its memory pages are those of the page cache,
shared by all replicas on the host. Where float32 is wanted and something else stored, the numbers
are widened into memory of huge pages: with small ones, four fifths of the time went into faults.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import mmap
import os
from pathlib import Path

import torch

from workers.inference.files import read_header

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
ALIGNMENT_BYTES = 64
MADV_POPULATE_READ = 22
"""Linux 5.14 and later; Python has no name for it."""

Tensors = dict[str, torch.Tensor]


class Mapping:
    """One safetensors file, mapped privately: what is written to its tensors reaches no disk."""

    def __init__(self, file: Path) -> None:
        """Raises KeyError for a tensor of a type that is not among ``DTYPES``."""
        header, start = read_header(file)
        self._places = {
            name: (DTYPES[entry["dtype"]], entry["shape"], start + entry["data_offsets"][0])
            for name, entry in header.items()
        }
        with file.open("rb") as stream:
            # The kernel reads ahead from now on, as fast as the disk can.
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)
        self._bytes = torch.from_file(
            str(file), shared=False, size=file.stat().st_size, dtype=torch.uint8
        )

    def populate(self) -> None:
        """Have all pages in memory and in place. Not needed, but the first use is then fast; other
        threads go on meanwhile. Does nothing on systems that know no such advice."""
        address, size = self._bytes.data_ptr(), self._bytes.numel()
        ctypes.CDLL(None).madvise(
            ctypes.c_void_p(address), ctypes.c_size_t(size), MADV_POPULATE_READ
        )

    def tensors(self) -> Tensors:
        """All tensors of the file, in the order of its header. Raises RuntimeError if one does not
        begin at a multiple of its numbers' size, as it should."""
        return {name: self._tensor(*place) for name, place in self._places.items()}

    def _tensor(self, dtype: torch.dtype, shape: list[int], offset: int) -> torch.Tensor:
        size_bytes = math.prod(shape) * dtype.itemsize
        return self._bytes[offset : offset + size_bytes].view(dtype).view(shape)


def widened(tensors: Tensors) -> Tensors:
    """The same with all floating point numbers as float32; tensors of others stay as they are."""
    narrow = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    narrow = {name: tensor for name, tensor in narrow.items() if tensor.dtype != torch.float32}
    if not narrow:
        return tensors
    rooms = [_padded(tensor.numel() * torch.float32.itemsize) for tensor in narrow.values()]
    memory = _huge_pages(sum(rooms))
    offset, wide = 0, {}
    for (name, tensor), room in zip(narrow.items(), rooms, strict=True):
        wide[name] = tensor
        if room:
            flat = torch.frombuffer(
                memory, dtype=torch.float32, count=tensor.numel(), offset=offset
            )
            wide[name] = flat.view(tensor.shape).copy_(tensor)
        offset += room
    return tensors | wide


def _huge_pages(size_bytes: int) -> mmap.mmap:
    memory = mmap.mmap(-1, max(size_bytes, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):  # A kernel without them.
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def _padded(size_bytes: int) -> int:
    return -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
