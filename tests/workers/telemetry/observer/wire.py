"""Two hosts joined by a wire that does as it is told, and a place on it from which to watch.

Hosts are network namespaces with a veth each; the wire is a third one, in which their other ends
lie and a thread carries frames from one to the other. It may drop a frame, double it, hold it back
or change it: so faults of real TCP happen exactly where a test wants them. A namespace is held by a
process that ends with the test, and everything in it vanishes then.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import TypeVar

import pytest

from tests.workers.telemetry.observer.packets import A, B
from workers.telemetry.observer.ring import Ring

T = TypeVar("T")
PATIENCE_SECONDS = 20.0
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
OUTGOING = 4
TX_CHECKSUMS_OFF, SEGMENTATION_OFF = 0x17, 0x1F  # ETHTOOL_STXCSUM, ETHTOOL_STSO
SIOCETHTOOL = 0x8946

Fate = Callable[[bytes, str], list[bytes]]
"""What becomes of a frame that comes from host ``a`` or ``b``: what goes on to the other."""

_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    def __init__(self) -> None:
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo made; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._holder.stdout
        if self._holder.stdout.readline() != b"made\n":
            _, words = self._holder.communicate()
            pytest.skip(f"no namespaces here: {words.decode(errors='replace').strip()}")
        self.process = self._holder.pid

    def within(self, action: Callable[[], T]) -> T:
        """What the action gives, done in there; sockets that it makes stay there."""
        given: list[T] = []
        failed: list[BaseException] = []

        def act() -> None:
            namespace = os.open(f"/proc/{self.process}/ns/net", os.O_RDONLY)
            try:
                if _libc.setns(namespace, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
                given.append(action())
            except BaseException as error:
                failed.append(error)
            finally:
                os.close(namespace)

        thread = threading.Thread(target=act)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return given[0]

    def command(self, *words: str) -> list[str]:
        """As it is to be started so that it runs in there."""
        return ["nsenter", "--target", str(self.process), "--net", *words]

    def run(self, line: str) -> None:
        subprocess.run(
            self.command(*line.split()), check=True, capture_output=True, timeout=PATIENCE_SECONDS
        )

    def close(self) -> None:
        self._holder.communicate(timeout=PATIENCE_SECONDS)


class Wire:
    """Context manager. ``a`` and ``b`` are the hosts, with the addresses A and B; ``middle`` is
    where ports ``pa`` and ``pb`` lie, on the sides of ``a`` and ``b``."""

    def __init__(self, fate: Fate | None = None) -> None:
        """Without a ``fate`` the ports are joined by a bridge."""
        if any(shutil.which(name) is None for name in ("ip", "unshare", "nsenter")):
            pytest.skip("needs ip, unshare and nsenter")
        self._fate = fate
        self._stack = ExitStack()
        self.a, self.b, self.middle = (self._namespace() for _ in range(3))

    def _namespace(self) -> Namespace:
        made = Namespace()
        self._stack.callback(made.close)
        return made

    def __enter__(self) -> Wire:
        try:
            self._join()
        except BaseException:
            self._stack.close()
            raise
        return self

    def _join(self) -> None:
        for host, port, address in ((self.a, "pa", A), (self.b, "pb", B)):
            self.middle.run(f"ip link add {port} type veth peer name eth0 netns {host.process}")
            self.middle.run(f"ip link set {port} up")
            host.run(f"ip address add {address}/24 dev eth0")
            host.run("ip link set eth0 up")
        if self._fate is None:
            self.middle.run("ip link add br0 type bridge")
            for port in ("pa", "pb"):
                self.middle.run(f"ip link set {port} master br0")
            self.middle.run("ip link set br0 up")
            return
        # Every frame by itself, as it would be on a cable.
        for host in (self.a, self.b):
            host.within(_no_offload)
        carrier = _Carrier(self.middle, self._fate)
        self._stack.callback(carrier.close)

    def ring(self, port: str) -> Ring:
        """Watches a port, until the wire's end."""
        return self._stack.enter_context(self.middle.within(lambda: Ring(port, frames=8192)))

    def connected(self) -> tuple[socket.socket, socket.socket]:
        """Sockets of a connection that ``a`` made to ``b``."""
        listener = self.b.within(lambda: socket.create_server((B, 0)))
        with listener:
            port = listener.getsockname()[1]
            at_a = self.a.within(lambda: socket.create_connection((B, port), PATIENCE_SECONDS))
            self._stack.enter_context(at_a)
            listener.settimeout(PATIENCE_SECONDS)
            at_b = self._stack.enter_context(listener.accept()[0])
        for one in (at_a, at_b):
            one.settimeout(PATIENCE_SECONDS)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return at_a, at_b

    def __exit__(self, *_: object) -> None:
        self._stack.close()


class _Carrier:
    def __init__(self, middle: Namespace, fate: Fate) -> None:
        self._fate = fate
        self._ports = [middle.within(partial(_packets, port)) for port in ("pa", "pb")]
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def _carry(self) -> None:
        pa, pb = self._ports
        while True:
            readable, _, _ = select.select([pa, pb, self._stop], [], [])
            if self._stop in readable:
                return
            for one, other, host in ((pa, pb, "a"), (pb, pa, "b")):
                if one in readable:
                    content, (_, _, kind, *_rest) = one.recvfrom(1 << 17)
                    if kind != OUTGOING:
                        for going in self._fate(content, host):
                            other.send(going)

    def close(self) -> None:
        os.write(self._stopped, b"x")
        self._thread.join(PATIENCE_SECONDS)
        for one in self._ports:
            one.close()
        os.close(self._stop)
        os.close(self._stopped)


def _packets(port: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    made.bind((port, ETH_P_ALL))
    return made


def _no_offload() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        for what in (SEGMENTATION_OFF, TX_CHECKSUMS_OFF):
            value = ctypes.create_string_buffer(struct.pack("II", what, 0), 8)
            request = struct.pack("16sP16x", b"eth0", ctypes.addressof(value))
            fcntl.ioctl(handle, SIOCETHTOOL, request)


def is_data(frame: bytes) -> bool:
    """Whether it has TCP payload over IPv4."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return False
    headers = 4 * (frame[14] & 15) + 4 * (frame[14 + 4 * (frame[14] & 15) + 12] >> 4)
    return int.from_bytes(frame[16:18]) > headers


def marked(frame: bytes) -> bytes:
    """As a router would that has a queue: congestion experienced, with the checksum set right."""
    changed = bytearray(frame)
    changed[15] |= 3
    changed[24:26] = b"\0\0"
    total = sum(struct.unpack(">10H", changed[14:34]))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    changed[24:26] = struct.pack(">H", ~total & 0xFFFF)
    return bytes(changed)
