"""Frames out of a stream of bytes, none of them larger than is expected."""

from __future__ import annotations

from workers.protocol import LENGTH_BYTES


class FrameError(ValueError):
    """What arrived is not a frame."""


class Frames:
    """Holds what has come of the next frame; no more than that and what was fed with it."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        """Of a frame's body; may be changed between frames."""
        self._held = bytearray()

    def feed(self, data: bytes) -> None:
        self._held += data

    def next(self) -> bytes | None:
        """The body of the next frame, if it is complete. Raises FrameError if it is too large, as
        soon as its length is known."""
        held = self._held
        if len(held) < LENGTH_BYTES:
            return None
        length = int.from_bytes(held[:LENGTH_BYTES], "big")
        if length > self.max_bytes:
            raise FrameError(f"a frame of {length} bytes, more than {self.max_bytes}")
        end = LENGTH_BYTES + length
        if len(held) < end:
            return None
        body = bytes(held[LENGTH_BYTES:end])
        del held[:end]
        return body
