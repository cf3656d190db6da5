"""The protocol between ``vine_worker`` and a library, over the two pipes that it opens for it.

Of TaskVine 7.14 (taskvine/src/worker: ``check_library_startup``, ``vine_process_invoke_function``,
``vine_process_library_get_result``). Every message is its length in bytes, a newline, and that many
bytes:

    library -> worker   {"name": NAME, "taskid": T, "exec_mode": "fork"}     once, when ready
    worker -> library   CALL COMMAND SANDBOX STDOUT_FILE                     for each call
    library -> worker   CALL EXIT_CODE                                       when it is done

The worker sleeps until SIGCHLD, so messages to it are followed by that signal. It may miss one that
comes just before it falls asleep, and would then sleep for five seconds: the signal is repeated
until the pipe is empty.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import termios
from collections.abc import Callable
from typing import NamedTuple

from workers.host.loop import READ, WRITE, Loop, Timer

CHUNK_BYTES = 1 << 16
REPEAT_SECONDS = 0.002
"""After so long the signal is repeated, then after twice as long..."""
REPEAT_SECONDS_MAX = 0.1


class Call(NamedTuple):
    """A call that waits for its answer."""

    number: int
    command: str
    sandbox: str
    output: str
    """The file whose content is the answer."""


class Pipes:
    """Calls in, their ends out; within a loop."""

    def __init__(
        self,
        loop: Loop,
        calls: int,
        ends: int,
        worker_pid: int,
        on_call: Callable[[Call], None],
        on_end: Callable[[], None],
    ) -> None:
        """``calls`` and ``ends`` are descriptors, read from and written to. ``on_end`` is called
        when the worker has closed its side."""
        self._loop = loop
        self._calls, self._ends, self._worker_pid = calls, ends, worker_pid
        self._on_call, self._on_end = on_call, on_end
        self._received = bytearray()
        self._unsent = bytearray()
        self._news = False
        self._repeat_seconds = REPEAT_SECONDS
        self._timer: Timer | None = None
        for descriptor in (calls, ends):
            os.set_blocking(descriptor, False)
            os.set_inheritable(descriptor, False)
        loop.watch(calls, self._receive)

    def ready(self, name: str, task: int) -> None:
        """Say that calls may come."""
        self._send(json.dumps({"name": name, "taskid": task, "exec_mode": "fork"}))

    def end(self, call: Call) -> None:
        """Say that a call's answer is in its file."""
        self._send(f"{call.number} 0")

    def flush(self) -> None:
        """Send what is to be sent, and wake the worker once for all of it."""
        while self._unsent:
            try:
                written = os.write(self._ends, self._unsent)
            except BlockingIOError:
                self._loop.watch(self._ends, self._on_writable, WRITE)
                break
            except OSError:
                self._unsent.clear()
                break
            del self._unsent[:written]
            self._news = True
        if self._news:
            self._news = False
            self._repeat_seconds = REPEAT_SECONDS
            self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            os.kill(self._worker_pid, signal.SIGCHLD)
        if self._timer is None:
            self._timer = self._loop.call_later(self._repeat_seconds, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        unread = fcntl.ioctl(self._ends, termios.FIONREAD, bytes(4))
        if int.from_bytes(unread, sys.byteorder):
            self._repeat_seconds = min(2 * self._repeat_seconds, REPEAT_SECONDS_MAX)
            self._wake()

    def _send(self, message: str) -> None:
        self._unsent += f"{len(message)}\n{message}".encode()

    def _on_writable(self, _: int) -> None:
        self._loop.unwatch(self._ends)
        self.flush()

    def _receive(self, _: int = READ) -> None:
        try:
            data = os.read(self._calls, CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.unwatch(self._calls)
            self._on_end()
            return
        self._received += data
        while (message := self._next()) is not None:
            self._on_call(parse(message))

    def _next(self) -> str | None:
        received = self._received
        end = received.find(b"\n")
        if end < 0:
            return None
        stop = end + 1 + int(received[:end])
        if len(received) < stop:
            return None
        message = received[end + 1 : stop].decode()
        del received[:stop]
        return message


def parse(message: str) -> Call:
    """Of a call's message; the folder of both paths may hold blanks, the rest does not."""
    number, command, paths = message.split(" ", 2)
    # SANDBOX, a blank, and SANDBOX/.taskvine.stdout
    middle = (len(paths) - len("/.taskvine.stdout")) // 2
    sandbox, output = paths[:middle], paths[middle + 1 :]
    if not output.startswith(f"{sandbox}/"):
        sandbox, _, output = paths.rpartition(" ")
    return Call(int(number), command, sandbox, output)
