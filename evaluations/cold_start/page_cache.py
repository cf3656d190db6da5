"""Files in the page cache, and out of it."""

from __future__ import annotations

import os
import time
from pathlib import Path

BLOCK_BYTES = 8 << 20


def read_seconds(directory: Path) -> float:
    """Reads all files, one after the other; they are in the page cache afterwards."""
    begun = time.perf_counter()
    buffer = bytearray(BLOCK_BYTES)
    for file in _files(directory):
        with open(file, "rb", buffering=0) as stream:
            while stream.readinto(buffer):
                pass
    return time.perf_counter() - begun


def drop(directory: Path) -> None:
    """Puts all files out of the page cache, as far as no process has them mapped."""
    for file in _files(directory):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if path.is_file())
