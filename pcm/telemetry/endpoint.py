"""Where sources of telemetry that are no workers' hosts connect to: a listener of the manager.

Agents beside workers, on data processing units, and packet observers know its address and password.
It has a thread of its own, and is bounded in all that others can make it hold. Its address is this
machine's own unless another is asked for; over networks in which others can write into connections
it needs a tunnel (``workers/telemetry/password.py``).
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from pcm.engines.reactor import Reactor
from pcm.errors import InputError
from pcm.telemetry.refusals import Cause, Refusals
from pcm.telemetry.source import Closing, Limits, Source, Turn
from workers.protocol import Telemetry

TICK_SECONDS = 0.25
CHUNK_BYTES = 1 << 16
THREAD = "pcm-telemetry-endpoint"

Take = Callable[[str, Telemetry, float], None]
"""A worker's name, what was read of it, and when that came. The end of what was read is by the
manager's clock already. Called in the endpoint's thread; must not wait."""


class SourceState(NamedTuple):
    """A source that is connected. Its clock: seconds ahead of the manager's, seconds per second by
    which it is fast, and by how much it may be told wrongly now (infinite: not known yet)."""

    name: str
    workers: frozenset[str]
    offset_seconds: float
    drift: float
    error_seconds: float
    steps: int


class Endpoint:
    """Listens from ``start`` to ``close``. Raises InputError if it cannot."""

    def __init__(
        self,
        password: bytes,
        take: Take,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
        say: Callable[[str], None] = lambda text: print(text, file=sys.stderr),
        limits: Limits | None = None,
    ) -> None:
        """``port`` 0: any that is free. ``clock``: the manager's, in seconds since 1970."""
        if not password:
            raise InputError("the telemetry password is empty", mend="make one of random bytes")
        self._password = password
        self._take = take
        self._clock = clock
        self._limits = limits or Limits()
        self._refusals = Refusals(say)
        self._listener = _listen(host, port)
        self._connections: dict[socket.socket, Source] = {}
        self._lock = threading.Lock()  # Of connections, sources and their clocks.
        self._reactor = Reactor()
        self._is_ticking = self._stopped = False
        self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._listener.getsockname()[:2]
        return host, port

    def start(self) -> None:
        self._listener.listen()
        self._reactor.watch(self._listener, self._on_connection)
        self._thread.start()

    def close(self) -> None:
        """Ends all connections. May be called more than once, and without a start."""
        self._stopped = True
        self._reactor.wake()
        if self._thread.ident is not None:
            self._thread.join()
        self._listener.close()
        self._reactor.close()

    def refused(self) -> dict[Cause, int]:
        """How much of what was not believed; from any thread."""
        return self._refusals.counts()

    def sources(self) -> list[SourceState]:
        """Those that are connected and have said who they are; from any thread."""
        now = self._clock()
        with self._lock:
            return [_state(source, now) for source in self._connections.values() if source.name]

    def to_manager(self, source: str, seconds: float) -> tuple[float, float] | None:
        """What the manager's clock showed when that source's showed this, and by how much that may
        be wrong; None if it is not connected. From any thread."""
        with self._lock:
            for known in self._connections.values():
                if known.name == source:
                    return known.clock.to_manager(seconds), known.clock.error_seconds(seconds)
        return None

    def _run(self) -> None:
        try:
            while not self._stopped:
                self._reactor.wait(None)
        finally:
            for connection in list(self._connections):
                self._drop(connection)

    def _on_connection(self, _: int) -> None:
        try:
            connection, _address = self._listener.accept()
        except BlockingIOError:
            return
        except OSError as error:
            # Such as when there are no descriptors left: what waits is tried again later.
            self._refusals.note(Cause.FULL, f"a connection was not taken: {error}")
            self._reactor.unwatch(self._listener)
            self._tick_later()
            return
        unidentified = sum(not source.name for source in self._connections.values())
        if (
            unidentified >= self._limits.unidentified
            or len(self._connections) >= self._limits.sources + self._limits.unidentified
        ):
            self._refusals.note(Cause.FULL, "too many connections")
            connection.close()
            return
        connection.setblocking(False)
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        now = time.monotonic()
        source = Source(self._password, self._clock, self._refusals, now, self._limits)
        with self._lock:
            self._connections[connection] = source
        self._reactor.watch(connection, partial(self._on_readable, connection, source))
        self._tick_later()
        self._send(connection, source.greeting())

    def _on_readable(self, connection: socket.socket, source: Source, _: int) -> None:
        try:
            data = connection.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        received = self._clock()
        if not data:
            self._drop(connection)
            return
        was_named = bool(source.name)
        turn = Turn()
        try:
            with self._lock:
                turn = source.receive(data, received, time.monotonic())
        except Closing as closing:
            self._close(connection, closing)
            return
        if source.name and not was_named and not self._admit(connection, source):
            return
        self._send(connection, bytes(turn.out))
        for taken in turn.taken:
            try:
                self._take(*taken)
            except Exception as error:
                self._refusals.note(Cause.FAULT, f"it could not be taken: {error!r}")

    def _admit(self, connection: socket.socket, source: Source) -> bool:
        """One that has said who it is takes the place of another of that name."""
        for other, known in list(self._connections.items()):
            if known.name == source.name and other is not connection:
                self._drop(other)
        named = sum(bool(known.name) for known in self._connections.values())
        if named > self._limits.sources:
            self._close(connection, Closing(Cause.FULL, f"more than {named - 1} sources"))
            return False
        return True

    def _tick_later(self) -> None:
        if not self._is_ticking:
            self._is_ticking = True
            self._reactor.call_later(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        self._is_ticking = False
        self._reactor.watch(self._listener, self._on_connection)
        now = time.monotonic()
        for connection, source in list(self._connections.items()):
            try:
                out = source.due(now)
            except Closing as closing:
                self._close(connection, closing)
            else:
                self._send(connection, out)
        if self._connections:
            self._tick_later()

    def _send(self, connection: socket.socket, out: bytes) -> None:
        """A little now and then: a source that does not even read that is given up."""
        if not out or connection not in self._connections:
            return
        try:
            sent = connection.send(out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._drop(connection)
            return
        if sent < len(out):
            self._close(connection, Closing(Cause.SILENT, "a source does not read"))

    def _close(self, connection: socket.socket, closing: Closing) -> None:
        self._refusals.note(closing.cause, str(closing))
        self._drop(connection)

    def _drop(self, connection: socket.socket) -> None:
        with self._lock:
            known = self._connections.pop(connection, None)
        if known is not None:
            self._reactor.unwatch(connection)
            connection.close()


def _listen(host: str, port: int) -> socket.socket:
    """Bound, so that its port is known; it does not listen yet."""
    listener = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        if listener is not None:
            listener.close()
        raise InputError(
            f"cannot listen on {host}:{port}: {error}",
            field="telemetry",
            mend="give an address of this machine and a port that is free",
        ) from None
    return listener


def _state(source: Source, now: float) -> SourceState:
    clock = source.clock
    # What their clock shows now; a drift makes a difference over a large offset.
    theirs = now
    for _ in range(3):
        theirs += now - clock.to_manager(theirs)
    return SourceState(
        source.name,
        source.workers,
        offset_seconds=theirs - now,
        drift=clock.drift,
        error_seconds=clock.error_seconds(theirs),
        steps=clock.steps,
    )
