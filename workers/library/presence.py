"""The library's link to the launcher of its worker: each knows when the other is gone.

Messages are lines of JSON. To the library: ``{"notice": seconds}``. To the launcher:
``{"refused": reason}``, ``{"dismissed": cause}``.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable

from workers.host.loop import Loop

ADDRESS = "PCM_LAUNCHER"
"""Environment variable with the path of the launcher's socket."""


class Presence:
    """One end of the link."""

    def __init__(
        self,
        loop: Loop,
        link: socket.socket,
        on_message: Callable[[dict[str, object]], None],
        on_end: Callable[[], None],
    ) -> None:
        link.setblocking(False)
        self._loop, self._link = loop, link
        self._on_message, self._on_end = on_message, on_end
        self._received = b""
        self.ended = False
        loop.watch(link, self._receive)

    def tell(self, **message: object) -> None:
        """Send a message, if the other end is there."""
        with contextlib.suppress(OSError):
            self._link.send(json.dumps(message).encode() + b"\n")

    def close(self) -> None:
        if not self.ended:
            self.ended = True
            self._loop.unwatch(self._link)
            self._link.close()

    def _receive(self, _: int) -> None:
        try:
            data = self._link.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                self._on_message(json.loads(line))
        if not data:
            self.close()
            self._on_end()


def connect(
    loop: Loop,
    address: str,
    on_message: Callable[[dict[str, object]], None],
    on_end: Callable[[], None],
) -> Presence | None:
    """The library's end; None if there is no launcher at the address."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.connect(address)
    except OSError:
        link.close()
        return None
    return Presence(loop, link, on_message, on_end)
