"""Sends telemetry to the manager's endpoint, from a thread of its own.

The connection is made again whenever it breaks. What cannot be sent waits in a backlog that gives
up its oldest; what was on its way when a connection broke is lost. The manager's probes of our
clock are answered at once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import secrets
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from math import inf

import msgspec

from workers.protocol import Telemetry
from workers.telemetry.frames import Frames
from workers.telemetry.messages import (
    MAX_FRAME_BYTES,
    NONCE_BYTES,
    PROTOCOL_VERSION,
    Challenge,
    ClockAnswer,
    ClockProbe,
    FromManager,
    Proof,
    SourceHello,
    Welcome,
    WorkerTelemetry,
    frame,
    from_manager,
)
from workers.telemetry.password import is_same, manager_proof, source_proof

BACKLOG = 600
CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 60.0
"""Without a probe, before the manager is taken for gone."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
JOIN_BYTES = 1 << 15
"""So much is handed to the system at once: the answer to a probe waits for no more."""
CHUNK_BYTES = 1 << 16
BROKEN = (OSError, ValueError, RecursionError, msgspec.MsgspecError)
"""What becomes of a connection, or of what came over it."""


class NotTheManagerError(ValueError):
    """Whoever is there is not who we look for."""


def address(text: str) -> tuple[str, int]:
    """``HOST:PORT``, the host in brackets where it has colons. Raises ArgumentTypeError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


class Sender:
    """``to``: host and port. ``name``: of this source; another connection under the same name takes
    the place of this one. ``workers``: those that it may speak of. ``clock``: in seconds since
    1970, that by which windows are told."""

    def __init__(
        self,
        to: tuple[str, int],
        password: bytes,
        name: str,
        workers: Sequence[str],
        *,
        clock: Callable[[], float] = time.time,
        say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True),
        backlog: int = BACKLOG,
    ) -> None:
        self.dropped = 0
        """Windows that were given up because the backlog was full, or were too large."""
        self._to = to
        self._password = password
        self._hello = frame(SourceHello(name, list(workers)))
        self._clock = clock
        self._say = say
        self._said: set[str] = set()
        self._waiting: deque[tuple[str, Telemetry]] = deque()
        self._backlog = backlog
        self._lock = threading.Lock()  # Of what waits, and of the descriptor to wake by.
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._close_by: float | None = None
        self._thread = threading.Thread(target=self._run, name="pcm-telemetry-sender", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def send(self, worker: str, telemetry: Telemetry) -> None:
        """Soon; never waits. From any thread; without effect once it is closed."""
        with self._lock:
            if self._close_by is not None:
                return
            if len(self._waiting) >= self._backlog:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append((worker, telemetry))
            os.eventfd_write(self._wake, 1)

    def close(self, seconds: float = 2.0) -> None:
        """Send what waits, for at most so long. May be called more than once."""
        with self._lock:
            if self._close_by is not None:
                return
            self._close_by = time.monotonic() + seconds
            os.eventfd_write(self._wake, 1)
        if self._thread.ident is not None:
            # One that is being connected to may take as long as it may take.
            self._thread.join(seconds + CONNECT_SECONDS + 1.0)
        if not self._thread.is_alive():
            os.close(self._wake)

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._is_done():
            connection = _Connection(self._password, self._clock)
            try:
                self._serve(connection)
            except BROKEN as error:
                self._say_once(f"no telemetry to {self._to[0]}:{self._to[1]} now: {error}")
            if connection.identified:
                pause = FIRST_PAUSE_SECONDS
            self._sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _serve(self, connection: _Connection) -> None:
        """Until it breaks, or all is done."""
        with socket.create_connection(self._to, timeout=CONNECT_SECONDS) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
            poll = select.poll()
            poll.register(self._wake, select.POLLIN)
            out = bytearray()
            heard = time.monotonic()
            while True:
                with contextlib.suppress(BlockingIOError):
                    while out := self._filled(out, connection):
                        del out[: sock.send(out)]
                if self._is_done() and (not out or self._left() <= 0):
                    break
                poll.register(sock, select.POLLIN | (select.POLLOUT if out else 0))
                patience = min(heard + SILENCE_SECONDS - time.monotonic(), self._left())
                poll.poll(1000 * max(0.0, patience))
                self._drain_wake()
                try:
                    data = sock.recv(CHUNK_BYTES)
                except BlockingIOError:
                    data = None
                received = self._clock()
                if data:
                    heard = time.monotonic()
                    was_identified = connection.identified
                    out += connection.receive(data, received)
                    if connection.identified and not was_identified:
                        out += self._hello
                elif data is not None:
                    raise ConnectionError(connection.why_ended())
                elif time.monotonic() - heard > SILENCE_SECONDS:
                    raise TimeoutError("the manager is silent")
            self._finish(sock)

    def _filled(self, out: bytearray, connection: _Connection) -> bytearray:
        """With what waits, as soon as we are known, up to what is handed over at once."""
        while connection.identified and len(out) < JOIN_BYTES:
            with self._lock:
                if not self._waiting:
                    break
                worker, telemetry = self._waiting.popleft()
            one = frame(WorkerTelemetry(worker, self._clock(), telemetry))
            if len(one) > MAX_FRAME_BYTES:
                self.dropped += 1
            else:
                out += one
        return out

    def _finish(self, sock: socket.socket) -> None:
        """What was sent arrives: a probe that nobody reads any more would break the connection."""
        sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            while self._left() > 0:
                sock.settimeout(max(0.0, self._left()))
                if not sock.recv(CHUNK_BYTES):
                    break

    def _left(self) -> float:
        """Seconds until all must be over; without end while it is not being closed."""
        return inf if self._close_by is None else self._close_by - time.monotonic()

    def _is_done(self) -> bool:
        """It is being closed, and nothing waits, or there is no more time."""
        with self._lock:
            return self._left() <= 0 or (self._close_by is not None and not self._waiting)

    def _sleep(self, seconds: float) -> None:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        until = time.monotonic() + seconds
        while not self._is_done() and (left := until - time.monotonic()) > 0:
            poll.poll(1000 * max(0.0, min(left, self._left())))
            self._drain_wake()

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)


class _Connection:
    """One connection's dialogue: bytes in, bytes out."""

    def __init__(self, password: bytes, clock: Callable[[], float]) -> None:
        self.identified = False
        self._password = password
        self._clock = clock
        self._frames = Frames(MAX_FRAME_BYTES)
        self._nonce = secrets.token_bytes(NONCE_BYTES)
        self._manager_nonce = b""

    def receive(self, data: bytes, received: float) -> bytes:
        """Raises FrameError, msgspec's errors, and NotTheManagerError."""
        out = b""
        self._frames.feed(data)
        while (body := self._frames.next()) is not None:
            for message in from_manager(body):
                out += self._hear(message, received)
        return out

    def why_ended(self) -> str:
        if self._manager_nonce and not self.identified:
            return "it does not accept this password, or has too many connections"
        return "the connection ended"

    def _hear(self, message: FromManager, received: float) -> bytes:
        match message:
            case ClockProbe() if self.identified:
                return frame(ClockAnswer(message.number, received, self._clock()))
            case Challenge() if not self._manager_nonce:
                if message.protocol != PROTOCOL_VERSION:
                    raise NotTheManagerError(
                        f"it speaks version {message.protocol}, this source {PROTOCOL_VERSION}: "
                        "install the same version of pcm on both sides"
                    )
                if len(message.nonce) != NONCE_BYTES:
                    raise NotTheManagerError("its challenge is not as long as it must be")
                self._manager_nonce = message.nonce
                proof = source_proof(self._password, message.nonce, self._nonce)
                return frame(Proof(self._nonce, proof))
            case Welcome() if self._manager_nonce and not self.identified:
                proof = manager_proof(self._password, self._manager_nonce, self._nonce)
                if not is_same(message.proof, proof):
                    raise NotTheManagerError("it does not know the password")
                self.identified = True
                return b""
        raise NotTheManagerError("it does not speak as the manager does")
