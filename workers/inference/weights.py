"""Weights from safetensors files as they lie on disk: mapped, not copied.

A mapped tensor costs nothing until it is used, and its memory pages are those of the page cache,
shared by all replicas on the host.
"""

from __future__ import annotations

import ctypes
import math
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
        self._file = file
        self._bytes = torch.from_file(
            str(file), shared=False, size=file.stat().st_size, dtype=torch.uint8
        )

    def populate(self) -> None:
        """Have all pages in memory and in place. Not needed, but the first use is then fast; other
        threads go on meanwhile. Does nothing on systems that know no such advice. Raises OSError
        where the file is gone."""
        with self._file.open("rb") as stream:
            # The kernel reads on from here as fast as the disk can.
            os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)
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
