"""Packets of one interface, as the kernel writes them into a ring that it shares with us.

A packet socket with a ring of version 2: frames lie at fixed distances, so numpy sees thousands of
packets as one matrix and nothing is done per packet in Python. (Version 3 packs frames closer, but
each says where the next begins, and one would have to walk them.) Times are the kernel's, in
nanoseconds of its real-time clock. Needs CAP_NET_RAW, no more. See packet(7).
"""

from __future__ import annotations

import fcntl
import mmap
import socket
import struct
import threading
from types import TracebackType

import numpy as np

from workers.telemetry.observer import header_filter
from workers.telemetry.observer.headers import Packets, parse

FRAME_BYTES = 256
"""A frame's own header takes 66 bytes, and what the filter lets through at most 138."""
BLOCK_BYTES = 1 << 18
DEFAULT_FRAMES = 1 << 16
MAX_BATCH = 1 << 14
"""So many packets are handled at once at most: their columns then fit the processor's caches."""

_SOL_PACKET = 263
_PACKET_RX_RING, _PACKET_STATISTICS, _PACKET_VERSION = 5, 6, 10
_TPACKET_V2 = 1
_FROM_US = 4  # sll_pkttype: PACKET_OUTGOING
_SIOCGIFHWADDR = 0x8927
_ETHERNET, _LOOPBACK = 1, 772
_ETH_P_ALL = 3

_FRAME = np.dtype(
    {
        "names": ["status", "length", "copied", "mac", "net", "seconds", "nanoseconds", "kind"],
        "formats": ["u4", "u4", "u4", "u2", "u2", "u4", "u4", "u1"],
        "offsets": [0, 4, 8, 12, 14, 16, 20, 32 + 10],
        "itemsize": FRAME_BYTES,
    }
)


class Ring:
    """Context manager. Raises PermissionError without CAP_NET_RAW, OSError for an interface that is
    not there, ValueError for one that is not Ethernet."""

    def __init__(
        self,
        interface: str,
        *,
        number: int = 0,
        frames: int = DEFAULT_FRAMES,
        incoming_only: bool = False,
    ) -> None:
        """``number`` is put on its packets. ``frames`` is rounded up to whole blocks. With
        ``incoming_only`` packets that leave through the interface are passed over."""
        self.interface = interface
        self.seen = 0
        self.dropped = 0
        """By the kernel, as the ring was full; both since the beginning."""
        self._number = number
        per_block = BLOCK_BYTES // FRAME_BYTES
        blocks = -(-frames // per_block)
        self.bytes = blocks * BLOCK_BYTES
        self._count = blocks * per_block
        self._head = 0
        self._fence_lock = threading.Lock()
        # Of no protocol until it is filtered: nothing unfiltered gets in.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            kind = _hardware(self._socket, interface)
            if kind not in (_ETHERNET, _LOOPBACK):
                raise ValueError(
                    f"{interface}: its packets have no Ethernet headers (hardware type {kind});"
                    " watch a port of a bridge, a representor or a veth"
                )
            # On the loopback every packet is seen twice: as it goes and as it comes.
            self._incoming_only = incoming_only or kind == _LOOPBACK
            header_filter.attach(self._socket)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
            sizes = struct.pack("IIII", BLOCK_BYTES, blocks, FRAME_BYTES, self._count)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, sizes)
            self._memory = mmap.mmap(self._socket.fileno(), self.bytes)
            self._socket.bind((interface, _ETH_P_ALL))
        except BaseException:
            self._socket.close()
            raise
        self._frames = np.frombuffer(self._memory, _FRAME)
        self._contents = np.frombuffer(self._memory, np.uint8).reshape(self._count, FRAME_BYTES)

    def fileno(self) -> int:
        """Readable when there are packets."""
        return self._socket.fileno()

    def take(self) -> Packets | None:
        """The next packets, at most MAX_BATCH, in the order in which the kernel saw them. None if
        there are none."""
        end = min(self._head + MAX_BATCH, self._count)
        status = self._frames["status"][self._head : end]
        ready = (status & 1) != 0
        count = len(ready) if ready.all() else int(np.argmin(ready))
        if count == 0:
            return None
        self._fence()
        taken = slice(self._head, self._head + count)
        frames = self._frames[taken]
        times = frames["seconds"].astype(np.int64) * 1_000_000_000 + frames["nanoseconds"]
        outgoing = frames["kind"] == _FROM_US
        packets = parse(
            self._contents[taken],
            frames["net"],
            frames["copied"].astype(np.int64) + frames["mac"],
            frames["length"].astype(np.int64) - (frames["net"] - frames["mac"]),
            times,
            outgoing,
            self._number,
            keep=~outgoing if self._incoming_only else None,
        )
        self._fence()
        self._frames["status"][taken] = 0  # The kernel's again.
        self._head = (self._head + count) % self._count
        return packets

    def count_drops(self) -> None:
        """Brings ``seen`` and ``dropped`` up to date."""
        answer = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        seen, dropped = struct.unpack("II", answer)  # Since it was last asked.
        self.seen += seen - dropped
        self.dropped += dropped

    def _fence(self) -> None:
        """Where the processor may reorder memory accesses (ARM), none passes two turns of a lock:
        a frame's status is read before its content, and given back after."""
        for _ in range(2):
            with self._fence_lock:
                pass

    def close(self) -> None:
        del self._frames, self._contents
        self._memory.close()
        self._socket.close()

    def __enter__(self) -> Ring:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


def _hardware(packets: socket.socket, interface: str) -> int:
    request = struct.pack("16s24x", interface.encode()[:15])
    answer = fcntl.ioctl(packets, _SIOCGIFHWADDR, request)
    return int(struct.unpack_from("H", answer, 16)[0])
