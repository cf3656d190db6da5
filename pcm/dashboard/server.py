"""The server process: one thread that follows the logs and answers in between."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Collection, Iterator

import msgspec
import uvicorn

from pcm.access import Address
from pcm.dashboard.application import application
from pcm.dashboard.hub import Hub
from pcm.dashboard.shelf import Shelf
from workers.host.processes import set_parent_death_signal

log = logging.getLogger("pcm.dashboard")

POLL_SECONDS = 0.2
UNWATCHED_SECONDS = 1.0
"""Between two looks at the logs while nobody looks at the page."""
SLICE_SECONDS = 0.02
"""So long logs are read at a stretch; requests are answered in between."""
LAST_SECONDS = 0.2
"""So long is read on at the end: runs that have just ended are shown as that."""
CONNECTIONS = 300
LINE_BYTES = 1 << 16


class Told(msgspec.Struct, frozen=True):
    """A line of a manager: here is a run."""

    directory: str


class Server:
    """Serves the runs of a shelf on a socket that listens already, until ``stop``."""

    def __init__(
        self, shelf: Shelf, listener: socket.socket, token: str, names: Collection[str] = ()
    ) -> None:
        self._shelf = shelf
        self._listener = listener
        self._hub = Hub(shelf)
        port = listener.getsockname()[1]
        self._uvicorn = _Quiet(
            uvicorn.Config(
                application(shelf, self._hub, token, port, names),
                lifespan="off",
                ws="none",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=1,
            )
        )

    def serve(
        self, *, follow_stdin: bool = False, announce: Callable[[], None] | None = None
    ) -> None:
        """Until it is stopped, by a signal or, with ``follow_stdin``, by the end of that.

        ``announce`` is called when a signal would end it well."""
        asyncio.run(self._serve(follow_stdin, announce))

    def stop(self) -> None:
        """From the loop's thread."""
        self._uvicorn.should_exit = True

    async def _serve(self, follow_stdin: bool, announce: Callable[[], None] | None) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError, RuntimeError):  # Not in the main thread.
                loop.add_signal_handler(number, self.stop)
        if follow_stdin:
            _on_lines(loop, self._tell, self.stop)
        following = asyncio.ensure_future(self._follow())
        if announce is not None:
            announce()
        try:
            await self._uvicorn.serve(sockets=[self._listener])
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
            self._shelf.close()

    def _tell(self, line: bytes) -> None:
        try:
            told = msgspec.json.decode(line, type=Told)
        except msgspec.MsgspecError as error:
            log.warning("not understood: %s", error)
            return
        self._shelf.tell_of(told.directory)

    async def _follow(self) -> None:
        """Reads on in the logs, a slice at a time, and tells those who look."""
        while not self._uvicorn.should_exit:
            is_left = False
            try:
                is_left = self._shelf.follow(SLICE_SECONDS)
                self._hub.turn(time.monotonic(), is_reading=is_left)
            except Exception:
                log.exception("the logs cannot be followed")
            if is_left:
                await asyncio.sleep(0)
            else:
                await self._rest()
        with contextlib.suppress(Exception):
            self._shelf.follow(LAST_SECONDS, look=True)
            self._hub.close()

    async def _rest(self) -> None:
        """Shorter while somebody looks, or has just come."""
        until = time.monotonic() + UNWATCHED_SECONDS
        await asyncio.sleep(POLL_SECONDS)
        while not self._hub.viewer_count and time.monotonic() < until:
            if self._uvicorn.should_exit:
                return
            await asyncio.sleep(POLL_SECONDS)


class _Quiet(uvicorn.Server):
    """Leaves signals to us: it would raise them again when it is done."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def names_of(address: Address) -> tuple[str, ...]:
    """By which hosts one gets to an address besides loopback; all of this machine's names, if it
    listens on all its addresses."""
    if address.is_loopback:
        return ()
    from pcm.engines.hosts import own_hosts

    return (address.host, *own_hosts())


def end_with_parent(parent: int) -> None:
    """Whatever becomes of it: its end of our stdin may live on in another process."""
    set_parent_death_signal(signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)


def _on_lines(
    loop: asyncio.AbstractEventLoop, tell: Callable[[bytes], None], end: Callable[[], None]
) -> None:
    """Hear lines on stdin as they come, and its end."""
    rest = bytearray()

    def read() -> None:
        try:
            data = os.read(0, LINE_BYTES)
        except BlockingIOError:
            return
        if not data or len(rest) > LINE_BYTES:
            loop.remove_reader(0)
            end()
            return
        rest.extend(data)
        *lines, left = bytes(rest).split(b"\n")
        rest[:] = left
        for line in lines:
            tell(line)

    os.set_blocking(0, False)
    loop.add_reader(0, read)
