"""The supervisor's side of the template: keeps one running and asks it for replicas."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Protocol

from workers.host.forking import (
    MAX_PACKET_BYTES,
    Answer,
    Exited,
    Fork,
    Forked,
    NotForked,
    Prepare,
    decode_answer,
    encode,
)
from workers.host.logs import tail
from workers.host.loop import Loop
from workers.host.processes import describe_exit, kill_group, search_path
from workers.protocol import ErrorReport

MAX_ATTEMPTS = 2
_TEMPLATE_FD = 3


class Applicant(Protocol):
    """Who wants a replica's process. One of the two is called, once."""

    imports: tuple[str, ...]
    log: str
    ranks: int

    def forked(self, sock: socket.socket, pid: int) -> None:
        """The process exists; it reads orders from the other end of the socket."""

    def not_forked(self, error: ErrorReport) -> None:
        """There will be no process."""


class _Request:
    def __init__(
        self, applicant: Applicant | None, imports: tuple[str, ...], log: str, ranks: int
    ) -> None:
        """Without an applicant it is about imports only."""
        self.applicant = applicant
        self.imports, self.log, self.ranks = imports, log, ranks
        self.only_imports = applicant is None
        self.socket: socket.socket | None = None
        self.attempts = 0


class Forker:
    """Starts the template when it is first needed, and again whenever it died."""

    def __init__(
        self, loop: Loop, log: str, on_exit: Callable[[int, int | None, int], None]
    ) -> None:
        """``on_exit`` is told pid, wait status and peak memory of replicas that ended."""
        self.pid: int | None = None
        self.log = log
        self._loop = loop
        self._on_exit = on_exit
        self._control: socket.socket | None = None
        self._number = 0
        self._requests: dict[int, _Request] = {}

    def start(self) -> None:
        """Start the template, unless it runs. Raises OSError where there can be no process."""
        if self.pid is not None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-P", "-m", "workers.host.template"]
        command += ["--fd", str(_TEMPLATE_FD), "--parent-pid", str(os.getpid())]
        appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        try:
            with theirs:
                self.pid = os.posix_spawn(
                    sys.executable,
                    command,
                    os.environ | {"PYTHONPATH": search_path()},
                    file_actions=[
                        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                        (os.POSIX_SPAWN_OPEN, 1, self.log, appending, 0o600),
                        (os.POSIX_SPAWN_DUP2, 1, 2),
                        (os.POSIX_SPAWN_DUP2, theirs.fileno(), _TEMPLATE_FD),
                    ],
                )
        except OSError:
            ours.close()
            raise
        ours.setblocking(False)
        self._control = ours
        self._loop.watch(ours, self._on_readable)

    def prepare(self, imports: tuple[str, ...]) -> None:
        """Have modules imported that replicas will need, while there is time.

        Nothing comes of it where that fails: the replica that needs them will say why.
        """
        if imports and self._control is not None:
            self._number += 1
            with contextlib.suppress(OSError):
                self._control.send(encode(Prepare(self._number, imports)))
                self._requests[self._number] = _Request(None, imports, "", 0)

    def apply(self, applicant: Applicant) -> int:
        """Ask for a replica; gives a number by which to withdraw."""
        self._number += 1
        self._requests[self._number] = _Request(
            applicant, applicant.imports, applicant.log, applicant.ranks
        )
        self._submit(self._number)
        return self._number

    def withdraw(self, number: int) -> None:
        """The applicant wants it no more; a process that is on its way is ended on arrival."""
        if number in self._requests:
            self._requests[number].applicant = None

    def is_serving(self, number: int) -> bool:
        """Whether the template is at work on this request, or on imports that were asked for
        before it; not on another's request."""
        waited_for = (n for n, request in self._requests.items() if not request.only_imports)
        return next(waited_for, None) == number

    def kill(self) -> None:
        """End the template at once, for instance because an import hangs."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def exited(self, status: int) -> None:
        """The template died (found by the supervisor, which reaps). The request that it was
        serving is tried once more, those that were waiting as if nothing had been."""
        self.pid = None
        self._on_readable(0)
        self._disconnect()
        requests, self._requests = list(self._requests.items()), {}
        for index, (number, request) in enumerate(requests):
            if request.socket is not None:
                request.socket.close()
            if request.applicant is None:
                continue
            request.attempts += index == 0
            if request.attempts < MAX_ATTEMPTS:
                self._requests[number] = request
                self._submit(number)
            else:
                error = f"the template process ended while importing: {describe_exit(status)}"
                report = ErrorReport("TemplateDied", error, "", tail(self.log))
                request.applicant.not_forked(report)

    def close(self) -> None:
        """Disconnect; the template then ends its replicas and itself."""
        self._disconnect()
        for request in self._requests.values():
            if request.socket is not None:
                request.socket.close()
        self._requests.clear()

    def _submit(self, number: int) -> None:
        request = self._requests[number]
        try:
            self.start()
            if self._control is None:
                return  # The template is about to die: ``exited`` will submit again.
            request.socket, theirs = socket.socketpair()
            with theirs:
                packet = encode(Fork(number, request.imports, request.log, request.ranks))
                socket.send_fds(self._control, [packet], [theirs.fileno()])
        except ConnectionError:
            pass  # As above. It is a reset where the dead left something unread.
        except OSError as error:
            del self._requests[number]
            if request.socket is not None:
                request.socket.close()
            if request.applicant is not None:
                problem = f"no process could be started: {error}"
                request.applicant.not_forked(ErrorReport(type(error).__name__, problem))

    def _on_readable(self, _: int) -> None:
        while self._control is not None:
            try:
                packet = self._control.recv(MAX_PACKET_BYTES)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                self._disconnect()
                self.kill()
                return
            self._take(decode_answer(packet))

    def _take(self, answer: Answer) -> None:
        if isinstance(answer, Exited):
            self._on_exit(answer.pid, answer.status, answer.peak_memory_bytes)
            return
        request = self._requests.pop(answer.number, None)
        if request is None or request.socket is None:
            return
        if request.applicant is None:
            request.socket.close()
            if isinstance(answer, Forked):
                kill_group(answer.pid)
        elif isinstance(answer, Forked):
            request.applicant.forked(request.socket, answer.pid)
        else:
            assert isinstance(answer, NotForked)
            request.socket.close()
            request.applicant.not_forked(answer.error)

    def _disconnect(self) -> None:
        if self._control is not None:
            self._loop.unwatch(self._control)
            self._control.close()
            self._control = None
