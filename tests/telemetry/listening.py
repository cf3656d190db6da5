"""An endpoint on this machine, and who connects to it."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from pcm.telemetry.endpoint import THREAD, Endpoint
from workers.protocol import Telemetry

PASSWORD = b"correct horse battery staple"
DEADLINE_SECONDS = 20.0
READING = ("host.cpu_pressure", "", 0.25)


class Listening:
    """An endpoint, what it takes, and what it says."""

    def __init__(self, **options: Any) -> None:
        self.taken: queue.Queue[tuple[str, Telemetry, float]] = queue.Queue()
        self.said: list[str] = []
        options.setdefault("take", lambda *taken: self.taken.put(taken))
        self.endpoint = Endpoint(PASSWORD, say=self.said.append, **options)
        self.endpoint.start()

    def next(self) -> tuple[str, Telemetry, float]:
        return self.taken.get(timeout=DEADLINE_SECONDS)


@contextlib.contextmanager
def listening(**options: Any) -> Iterator[Listening]:
    here = Listening(**options)
    try:
        yield here
    finally:
        here.endpoint.close()
        assert not [one for one in threading.enumerate() if one.name == THREAD]


def wait_for(what: Callable[[], Any]) -> Any:
    """Its value as soon as there is one."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (value := what()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)
    return value


def ended(sock: socket.socket) -> bool:
    """Whether the other side closes, whatever it says before."""
    sock.settimeout(DEADLINE_SECONDS)
    try:
        while sock.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def window(value: float = 0.25) -> Telemetry:
    return Telemetry(time.time(), 1.0, [("host.cpu_pressure", "", value)])
