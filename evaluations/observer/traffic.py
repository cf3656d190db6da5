"""A program: packets of TCP flows out of an interface, at a rate. Prints how many, as JSON.

They are written into a ring that is shared with the kernel, thousands at a time, for what is
measured is not the sender. In every flow the sequence goes on, as it would in a transfer.
"""

from __future__ import annotations

import json
import mmap
import socket
import struct
import sys
import time

import numpy as np

FRAMES, FRAME_BYTES = 1 << 14, 256
PAYLOAD_BYTES = 100
DATA_AT = 32
SOL_PACKET, PACKET_VERSION, PACKET_TX_RING = 263, 10, 13
ETH_P_IP = 0x0800
TICK_SECONDS = 0.002
MOST_AT_ONCE = 2048


def main() -> None:
    interface, source, target = sys.argv[1:4]
    rate, flows, seconds = int(sys.argv[4]), int(sys.argv[5]), float(sys.argv[6])
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as packets:
        packets.setsockopt(SOL_PACKET, PACKET_VERSION, 1)
        blocks = FRAMES * FRAME_BYTES >> 18
        ring = struct.pack("IIII", 1 << 18, blocks, FRAME_BYTES, FRAMES)
        packets.setsockopt(SOL_PACKET, PACKET_TX_RING, ring)
        memory = mmap.mmap(packets.fileno(), FRAMES * FRAME_BYTES)
        packets.bind((interface, ETH_P_IP))
        sent, took = send(packets, memory, (source, target), rate, flows, seconds)
    print(json.dumps({"packets": sent, "seconds": took}))


def send(
    packets: socket.socket,
    memory: mmap.mmap,
    ends: tuple[str, str],
    rate: int,
    flows: int,
    seconds: float,
) -> tuple[int, float]:
    """Packets and seconds. A ``rate`` of 0: as many as can be."""
    frames = np.frombuffer(memory, np.uint8).reshape(FRAMES, FRAME_BYTES)
    contents = np.frombuffer(_packet(*ends), np.uint8)
    frames[:, DATA_AT : DATA_AT + len(contents)] = contents
    status, length = (frames[:, at : at + 4].view(np.uint32)[:, 0] for at in (0, 4))
    length[:] = len(contents)
    transport = DATA_AT + 14 + 20
    frames[:, transport : transport + 2].view(">u2")[:, 0] = 1024 + np.arange(FRAMES) % flows
    sequence = frames[:, transport + 4 : transport + 8].view(">u4")[:, 0]
    sequence[:] = np.arange(FRAMES) // flows * PAYLOAD_BYTES
    ahead = FRAMES // flows * PAYLOAD_BYTES
    begun = time.perf_counter()
    sent = head = 0
    while (now := time.perf_counter() - begun) < seconds:
        due = MOST_AT_ONCE if not rate else min(MOST_AT_ONCE, int(now * rate) - sent)
        due = min(due, FRAMES - head)
        if due <= 0 or status[head : head + due].any():
            time.sleep(TICK_SECONDS / 10 if not rate else TICK_SECONDS)
            continue
        status[head : head + due] = 1
        packets.send(b"")
        sequence[head : head + due] += ahead
        sent, head = sent + due, (head + due) % FRAMES
    return sent, time.perf_counter() - begun


def _packet(source: str, target: str) -> bytes:
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    size = 40 + PAYLOAD_BYTES
    network = struct.pack(">BBHHHBBH", 0x45, 0, size, 0, 0x4000, 64, 6, 0) + ends
    transport = struct.pack(">HHIIBBHHH", 1024, 9, 0, 1, 0x50, 0x18, 1000, 0, 0)
    return bytes(12) + b"\x08\x00" + network + transport + bytes(PAYLOAD_BYTES)


if __name__ == "__main__":
    main()
