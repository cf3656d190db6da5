"""A program on the stage that is told things by lines of JSON, and tells things the same way."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Callable
from typing import Any

from evaluations.packets.namespaces import start


class Program:
    """A module of ours in a namespace; ``end`` it."""

    def __init__(self, module: str, *arguments: str, namespace: str | None = None) -> None:
        self.process = start([sys.executable, "-m", module, *arguments], namespace)
        self._thread: threading.Thread | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    def ready(self, hear: Callable[[str], None] = lambda _: None) -> None:
        """Its first line has come; each further one is heard. Raises RuntimeError if it ends."""
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.wait()}")
        self._thread = threading.Thread(target=self._read, args=(hear,), daemon=True)
        self._thread.start()

    def say(self, order: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        if self._thread is not None:
            self._thread.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def _read(self, hear: Callable[[str], None]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            hear(line)


class Told(list[dict[str, Any]]):
    """Lines of JSON, as they are heard."""

    def hear(self, line: str) -> None:
        self.append(json.loads(line))
