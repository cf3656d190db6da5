"""Frames over a non-blocking stream socket: four bytes of length (big endian), then the body."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections import deque

from workers.protocol import LENGTH_BYTES, MAX_FRAME_BYTES

CHUNK_BYTES = 1 << 16
"""Read at once. Larger buffers would be mapped and unmapped by malloc for every read."""
TURN_BYTES = 8 << 20
"""Read per call at most, so that one busy peer does not starve the others."""
JOIN_BYTES = 1 << 14
"""Bodies below this are copied behind their length instead of sent as two buffers."""
MAX_BUFFERS = 64
"""Buffers handed to the system in one call (the limit is 1024)."""


class FrameError(ValueError):
    """What arrived is not a frame."""


class Link:
    """One end of a connection. Writes what it can at once and keeps the rest for ``flush``."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.ended = False
        """The peer closed or died: nothing more will be received."""
        self.given_bytes = self.taken_bytes = 0
        """Of all frames that were sent here, and what the system has taken of them."""
        self._received = bytearray()
        self._unsent: deque[memoryview] = deque()

    def fileno(self) -> int:
        return self.socket.fileno()

    @property
    def unsent(self) -> bool:
        """Whether ``flush`` must be called when the socket can be written to."""
        return bool(self._unsent)

    def send(self, body: bytes) -> None:
        """Send a frame, or keep what the socket does not take. A dead peer is no error here:
        it shows at ``receive``.

        Raises FrameError if the body is larger than a frame may be.
        """
        if len(body) > MAX_FRAME_BYTES:
            raise FrameError(f"a frame of {len(body)} bytes, more than {MAX_FRAME_BYTES}")
        length = len(body).to_bytes(LENGTH_BYTES, "big")
        self.given_bytes += LENGTH_BYTES + len(body)
        if len(body) < JOIN_BYTES:
            self._unsent.append(memoryview(length + body))
        else:
            self._unsent.append(memoryview(length))
            self._unsent.append(memoryview(body))
        self.flush()

    def flush(self) -> bool:
        """Send what is left; True if nothing is left."""
        unsent = self._unsent
        try:
            while unsent:
                if len(unsent) == 1:
                    sent = self.socket.send(unsent[0])
                else:
                    sent = self.socket.sendmsg([unsent[i] for i in range(_few(unsent))])
                self.taken_bytes += sent
                while sent:
                    first = unsent[0]
                    if sent < len(first):
                        unsent[0] = first[sent:]
                        break
                    sent -= len(first)
                    unsent.popleft()
        except BlockingIOError:
            return False
        except OSError:
            unsent.clear()
        return True

    def flush_within(self, seconds: float) -> bool:
        """``flush``, waiting for the peer to read; True if all was sent in time."""
        deadline = time.monotonic() + seconds
        while not self.flush():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            select.select([], [self.socket], [], left)
        return True

    def receive(self, *, drain: bool = False) -> list[bytes]:
        """Bodies of the frames that are complete by now. At the peer's end sets ``ended``.

        ``drain``: read until nothing is left, for a peer that is known to be dead.
        Raises FrameError if a length makes no sense.
        """
        frames: list[bytes] = []
        total = 0
        while drain or total < TURN_BYTES:
            try:
                data = self.socket.recv(CHUNK_BYTES)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.ended = True
                break
            self._split(data, frames)
            total += len(data)
            if len(data) < CHUNK_BYTES and not drain:
                break
        return frames

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.close()
        self._unsent.clear()

    def _split(self, data: bytes, frames: list[bytes]) -> None:
        held = self._received
        if held:
            held += data
        view = memoryview(held if held else data)
        start, size = 0, len(view)
        while size - start >= LENGTH_BYTES:
            body = start + LENGTH_BYTES
            length = int.from_bytes(view[start:body], "big")
            if length > MAX_FRAME_BYTES:
                raise FrameError(f"a frame of {length} bytes, more than {MAX_FRAME_BYTES}")
            if size < body + length:
                break
            frames.append(bytes(view[body : body + length]))
            start = body + length
        if held:
            view.release()
            del held[:start]
        elif start < size:
            held += view[start:]


def _few(buffers: deque[memoryview]) -> int:
    return min(len(buffers), MAX_BUFFERS)
