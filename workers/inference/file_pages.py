"""Memory pages of tensors that are mapped from files: let go of, and brought in again.

The pages of a private mapping are those of the page cache until they are written to. So to let go
of them takes them from this process alone: they stay in memory while there is room, for whoever
maps the file. A page that was written to is a copy of its own; it is kept, since letting go of it
would undo the writing without a word.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MADV_POPULATE_READ = 22
"""Linux 5.14 and later; Python has no name for it."""
READ_BYTES = 4 << 20
"""No more than the kernel reads at once when it is advised to."""
ENTRY_BYTES = 8
SWAPPED_BIT, FILE_BIT = 62, 61
"""Of an entry of /proc/self/pagemap (proc(5)); the highest, the sign, says that it is present."""

_libc = ctypes.CDLL(None, use_errno=True)


class Region(NamedTuple):
    """Addresses of whole pages, the last one excluded."""

    start: int
    end: int


def mapped_regions(tensors: Iterable[torch.Tensor]) -> list[Region]:
    """The memory of those tensors on the CPU that are privately mapped from files; of tensors that
    share it, or pages of it, once. Empty where the system does not tell."""
    files = list(_private_mappings())
    found: set[Region] = set()
    for tensor in tensors:
        if tensor.device.type != "cpu":
            continue
        storage = tensor.untyped_storage()
        start = storage.data_ptr()
        end = start + storage.nbytes()
        if any(region.start <= start < end <= region.end for region in files):
            found.add(Region(start - start % PAGE_BYTES, end + -end % PAGE_BYTES))
    merged: list[Region] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1].end:
            merged[-1] = Region(merged[-1].start, max(merged[-1].end, end))
        else:
            merged.append(Region(start, end))
    return merged


def release(region: Region) -> None:
    """Let go of all pages that are the file's. Does nothing where the system does not tell them
    from others."""
    with contextlib.suppress(OSError):
        for part in _unwritten(region):
            _advise(part, mmap.MADV_DONTNEED)


def populate(region: Region) -> None:
    """Have all pages in place again. Raises OSError where the file cannot be read any more."""
    try:
        _advise(region, MADV_POPULATE_READ)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        # It only makes the first use fast. Where it is not known they can still be read.
        for start in range(region.start, region.end, READ_BYTES):
            _advise(Region(start, min(start + READ_BYTES, region.end)), mmap.MADV_WILLNEED)


def present_bytes(mappings: Iterable[Region]) -> int:
    """Of whole mappings, what this process has in memory. 0 where the system does not tell."""
    starts = {region.start for region in mappings}
    total, wanted = 0, False
    with contextlib.suppress(OSError), open("/proc/self/smaps", encoding="utf-8") as lines:
        for line in lines:
            first, *rest = line.split(maxsplit=2)
            if not first.endswith(":"):
                wanted = int(first.partition("-")[0], 16) in starts
            elif wanted and first == "Rss:":
                total += int(rest[0]) * 1024
    return total


def _private_mappings() -> Iterator[Region]:
    with contextlib.suppress(OSError), open("/proc/self/maps", encoding="utf-8") as lines:
        for line in lines:
            addresses, permissions, _, _, inode, *_ = line.split(maxsplit=5)
            if permissions.endswith("p") and inode != "0":
                start, end = addresses.split("-")
                yield Region(int(start, 16), int(end, 16))


def _unwritten(region: Region) -> Iterator[Region]:
    """The parts without a page that is a copy of its own. Raises OSError."""
    pages = (region.end - region.start) // PAGE_BYTES
    with open("/proc/self/pagemap", "rb", buffering=0) as file:
        file.seek(region.start // PAGE_BYTES * ENTRY_BYTES)
        entries = bytearray(file.read(pages * ENTRY_BYTES))
    if len(entries) < pages * ENTRY_BYTES:
        raise OSError(errno.EIO, "the page map is cut off")
    flags = torch.frombuffer(entries, dtype=torch.int64)
    used = (flags < 0) | ((flags >> SWAPPED_BIT) & 1).bool()
    own = used & ~((flags >> FILE_BIT) & 1).bool()
    begin = 0
    for page in [*own.nonzero().flatten().tolist(), pages]:
        if page > begin:
            first = region.start + begin * PAGE_BYTES
            yield Region(first, region.start + page * PAGE_BYTES)
        begin = page + 1


def _advise(region: Region, advice: int) -> None:
    size_bytes = region.end - region.start
    if _libc.madvise(ctypes.c_void_p(region.start), ctypes.c_size_t(size_bytes), advice) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
