"""Answers vine_factory's question how a manager stands, as if every item were a task in its queue.

The core hands TaskVine a batch when it knows the worker for it, so that TaskVine's own queue says
nothing of the work that waits, and vine_factory would start nobody.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import NamedTuple

QUESTION_SECONDS = 5.0


class Standing(NamedTuple):
    """Of a manager."""

    waiting: int
    """Items."""
    running: int
    workers: int


class Desk:
    """Listens on a port of its own until ``close``."""

    def __init__(self, ask: Callable[[], Standing], protocol: int) -> None:
        """``ask`` is called from a thread of the desk's; ``protocol`` is TaskVine's."""
        self._ask, self._protocol = ask, protocol
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="desk")
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # Wakes the thread.
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            with caller:
                caller.settimeout(QUESTION_SECONDS)
                try:
                    caller.recv(4096)
                    caller.sendall(json.dumps([self._answer()]).encode() + b"\n")
                except OSError:
                    pass  # It asks again.

    def _answer(self) -> dict[str, str | int]:
        standing = self._ask()
        return {
            "type": "vine_manager",
            "project": "pcm",
            "name": "127.0.0.1",
            "port": self.port,
            "owner": "pcm",
            "protocol": self._protocol,
            "tasks_waiting": standing.waiting,
            "tasks_on_workers": standing.running,
            "tasks_running": standing.running,
            "tasks_left": 0,
            "tasks_complete": 0,
            "workers": standing.workers,
        }


def protocol() -> int:
    """The number that managers of this version of TaskVine say, and vine_factory demands."""
    said = subprocess.run(["vine_factory", "--version"], check=True, capture_output=True, text=True)
    found = re.search(r"version (\d+)\.(\d+)", said.stdout + said.stderr)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    return 13 if version >= (7, 17) else 12
