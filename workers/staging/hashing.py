"""Hashes of contents, taken in chunks so that long work can be given up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from workers.staging.errors import Stopped

DIGEST_BYTES = 16
CHUNK_BYTES = 1 << 20

Stop = Callable[[], bool]
"""Whether to give up."""


def new_hash() -> hashlib.blake2b:
    """As in ``workers.protocol.StagedFile.digest``."""
    return hashlib.blake2b(digest_size=DIGEST_BYTES)


def digest_of(file: BinaryIO, stop: Stop) -> str:
    """Hex, of what is left to read of the file. Raises Stopped."""
    content = new_hash()
    for chunk in chunks(file, stop):
        content.update(chunk)
    return content.hexdigest()


def chunks(file: BinaryIO, stop: Stop) -> Iterator[memoryview]:
    """The rest of a file; each chunk is good until the next is asked for. Raises Stopped."""
    buffer = memoryview(bytearray(CHUNK_BYTES))
    while count := file.readinto(buffer):  # type: ignore[attr-defined] # missing in its stub
        if stop():
            raise Stopped
        yield buffer[:count]
