"""A cable with a queue that marks packets (ECN): a congested element, by program.

Not every kernel has red or codel. Two TAP devices, one in the host's namespace and one at the
bridge; what the host sends waits in a queue that is emptied at a rate, and is marked as having met
congestion if the queue takes longer than a threshold to empty (RFC 3168; one threshold, as RFC 8257
has it).

``python -m evaluations.packets.congested_cable HOST_NAMESPACE PORT``; then each line on standard
input is the rate in bits per second. It ends with its standard input.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import sys
import time
from collections import deque

from evaluations.packets.namespaces import entered

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
FRAME_BYTES = 1 << 16
THRESHOLD_SECONDS = 0.005
LIMIT_PACKETS = 400
BURST_SECONDS = 0.002
IPV4 = b"\x08\x00"
ETHERNET_BYTES = 14
MARKED = 3


def tap(name: str) -> int:
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return descriptor


def mark(frame: bytes) -> bytes:
    """With the mark, if its ends can read it."""
    if frame[12:14] != IPV4 or not frame[ETHERNET_BYTES + 1] & 3:
        return frame
    header = bytearray(frame[ETHERNET_BYTES : ETHERNET_BYTES + 4 * (frame[ETHERNET_BYTES] & 15)])
    header[1] |= MARKED
    header[10:12] = b"\0\0"
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    header[10:12] = (~total & 0xFFFF).to_bytes(2, "big")
    return frame[:ETHERNET_BYTES] + bytes(header) + frame[ETHERNET_BYTES + len(header) :]


class Queue:
    """Of what goes one way. Times are seconds of any clock."""

    def __init__(self) -> None:
        self.bytes_per_second = 1e9
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._free_at = 0.0

    def put(self, frame: bytes) -> None:
        if len(self._waiting) < LIMIT_PACKETS:
            marked = self._waiting_bytes >= THRESHOLD_SECONDS * self.bytes_per_second
            self._waiting.append(mark(frame) if marked else frame)
            self._waiting_bytes += len(frame)

    def take(self, now: float) -> list[bytes]:
        """Those that may leave."""
        self._free_at = max(self._free_at, now - BURST_SECONDS)
        leaving = []
        while self._waiting and self._free_at <= now:
            frame = self._waiting.popleft()
            self._waiting_bytes -= len(frame)
            self._free_at += len(frame) / self.bytes_per_second
            leaving.append(frame)
        return leaving

    def wait_seconds(self, now: float) -> float | None:
        """Until the next may leave; None: nothing waits."""
        return max(0.0, self._free_at - now) if self._waiting else None


def main() -> None:
    namespace, port = sys.argv[1:]
    with entered(namespace):
        there = tap("e0")
    here = tap(port)
    print("ready", flush=True)
    queue = Queue()
    orders = sys.stdin.fileno()
    while True:
        wait = queue.wait_seconds(time.monotonic())
        ready, _, _ = select.select([there, here, orders], [], [], wait)
        if orders in ready:
            line = os.read(orders, 64)
            if not line:
                return
            queue.bytes_per_second = float(line.split()[-1]) / 8
        if here in ready:
            for frame in _frames(here):
                _write(there, frame)
        if there in ready:
            for frame in _frames(there):
                queue.put(frame)
        for frame in queue.take(time.monotonic()):
            _write(here, frame)


def _frames(descriptor: int) -> list[bytes]:
    found: list[bytes] = []
    with contextlib.suppress(OSError):  # There is no more, or it is not up.
        while len(found) < LIMIT_PACKETS:
            found.append(os.read(descriptor, FRAME_BYTES))
    return found


def _write(descriptor: int, frame: bytes) -> None:
    with contextlib.suppress(OSError):  # It is full, or not up: a packet is lost.
        os.write(descriptor, frame)


if __name__ == "__main__":
    main()
