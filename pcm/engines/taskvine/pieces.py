"""What the manager sends of its own files."""

from __future__ import annotations

import os

from pcm.engines.taskvine.messages import SendPiece
from workers import carriage


class ChangedError(Exception):
    """The file is not what it was when the run began."""


def read_piece(order: SendPiece) -> bytes:
    """What is next of the file. Raises ChangedError, also for a file that cannot be read."""
    try:
        descriptor = os.open(order.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if (status.st_size, status.st_mtime_ns) != (order.size_bytes, order.modified_ns):
                raise ChangedError(f"{order.path} has changed since the run began")
            piece = os.pread(descriptor, carriage.PIECE_BYTES, order.offset)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ChangedError(f"{order.path} cannot be read any more: {error.strerror}") from error
    if len(piece) != min(carriage.PIECE_BYTES, order.size_bytes - order.offset):
        raise ChangedError(f"{order.path} has changed while it was read")
    return piece
