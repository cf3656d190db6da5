"""Weights from safetensors files as they lie on disk: mapped, not copied.

A mapped tensor costs nothing until it is used, and its memory pages are those of the page cache,
shared by all replicas on the host.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch

from workers.inference.file_pages import Region
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
        self._bytes = torch.from_file(
            str(file), shared=False, size=file.stat().st_size, dtype=torch.uint8
        )

    @property
    def region(self) -> Region:
        """Its addresses."""
        start = self._bytes.data_ptr()
        return Region(start, start + self._bytes.numel())

    def places(self) -> dict[str, Region]:
        """The addresses of each tensor, not of whole pages."""
        address = self._bytes.data_ptr()
        return {
            name: Region(address + start, address + start + math.prod(shape) * dtype.itemsize)
            for name, (dtype, shape, start) in self._places.items()
        }

    def tensors(self) -> Tensors:
        """All tensors of the file, in the order of its header. Raises RuntimeError if one does not
        begin at a multiple of its numbers' size, as it should."""
        return {name: self._tensor(*place) for name, place in self._places.items()}

    def _tensor(self, dtype: torch.dtype, shape: list[int], offset: int) -> torch.Tensor:
        size_bytes = math.prod(shape) * dtype.itemsize
        return self._bytes[offset : offset + size_bytes].view(dtype).view(shape)
