"""One life of a worker: a ``vine_worker``, its host, and the directory they share."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Literal

from workers.host.logs import tail
from workers.host.loop import READ, Loop
from workers.host.processes import (
    describe_exit,
    end_all_children,
    kill_group,
    set_parent_death_signal,
)
from workers.launch import command
from workers.library.presence import Presence

Outcome = Literal["", "left", "refused", "unreachable", "lost"]
"""left: in good order; refused: by the manager, or it by us; unreachable: no manager answered in
time; lost: the connection ended, or a part of the worker died."""

NOTICES = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
SIGNALS = (*NOTICES, signal.SIGQUIT)
"""Those that are never to be missed, also between two lives."""
PATH_BYTES = 100
"""Paths of sockets may not be longer (unix(7))."""
SETTLE_SECONDS = 2.0
"""How long what is left of a worker may take to end."""
REFUSALS = ("wrong password", "requires a password", "is not using ssl")
"""What vine_worker prints when trying again is of no use."""


class Pilot:
    """Started by ``run``, which returns how it went; ``reason`` then says why."""

    def __init__(
        self,
        program: str,
        options: argparse.Namespace,
        worker: str,
        say: Callable[[str], None],
        leave_at: float | None = None,
    ) -> None:
        """``leave_at``: when its time is almost over, by the monotonic clock. Raises OSError if
        there can be no directory, ValueError for a bad address."""
        command.address(options.manager)  # Before anything is made.
        self.worker, self.reason = worker, ""
        self.outcome: Outcome = ""
        self.joined_at: float | None = None
        self._options, self._say = options, say
        self._leave_at = leave_at
        self._scratch = tempfile.mkdtemp(prefix="pcm-worker-", dir=options.scratch or None)
        self._address = os.path.join(self._scratch, "launcher")
        if len(os.fsencode(self._address)) > PATH_BYTES:
            self._address = os.path.join(tempfile.mkdtemp(prefix="pcm-"), "launcher")
        self._log = os.path.join(os.path.abspath(options.logs or self._scratch), f"{worker}.log")
        workspace = os.path.join(self._scratch, "vine")
        self._command = command.vine_worker(program, options, worker, workspace)
        self._loop = Loop()
        self._library: Presence | None = None
        self._leaving = False
        self._process: subprocess.Popen[bytes] | None = None
        self._output = b""
        self._said: list[str] = []

    def run(self) -> Outcome:
        """Until the worker has ended, and nothing of it is left."""
        loop = self._loop
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        exited = -1
        try:
            listener.bind(self._address)
            listener.listen(1)
            loop.watch(listener, lambda _: self._accept(listener))
            for number in NOTICES:
                loop.on_signal(number, self.leave)
            loop.on_signal(signal.SIGQUIT, lambda: self._finish("left", "told to end at once"))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            self._watch_parent()
            if self._leave_at is not None:
                left = max(0.0, self._leave_at - time.monotonic())
                loop.call_later(left, self._on_walltime)
            self._process = self._start()
            exited = os.pidfd_open(self._process.pid)
            loop.watch(exited, lambda _: self._on_exit())
            assert self._process.stdout is not None
            os.set_blocking(self._process.stdout.fileno(), False)
            loop.watch(self._process.stdout, self._on_output)
            loop.run()
        finally:
            self._end()
            # What came until now is heard here; what comes from now on, by the next life.
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            loop.turn(0.0)
            listener.close()
            if exited >= 0:
                os.close(exited)
            loop.close()
            shutil.rmtree(os.path.dirname(self._address), ignore_errors=True)
            shutil.rmtree(self._scratch, ignore_errors=True)
        return "left" if self._leaving else self.outcome

    def leave(self) -> None:
        """The machine's owner wants it back: let the host return what is finished."""
        if self._leaving:
            return
        self._leaving = True
        if self._library is None:
            self._finish("left", "told to leave before it had work")
        else:
            self._library.tell(notice=self._options.grace)
            self._loop.call_later(
                self._options.grace, lambda: self._finish("left", "its grace period is over")
            )

    def _on_walltime(self) -> None:
        self._say("the walltime is almost over")
        self.leave()

    # -- its parts -------------------------------------------------------------------------------

    def _start(self) -> subprocess.Popen[bytes]:
        launcher = os.getpid()

        def die_with_launcher() -> None:
            set_parent_death_signal(signal.SIGKILL)
            if os.getppid() != launcher:
                os._exit(1)

        return subprocess.Popen(
            self._command,
            env=command.environment(
                self._options,
                self.worker,
                self._scratch,
                self._address,
                self._log,
                self._leave_at,
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_launcher,  # noqa: PLW1509 - this process has one thread
        )

    def _watch_parent(self) -> None:
        parent = self._options.parent_pid
        if not parent:
            return

        def on_parent_death() -> None:
            # The signal comes when a *thread* of the parent ends; the parent may live on.
            if os.getppid() != parent:
                self._finish("left", "its parent is gone")

        self._loop.on_signal(signal.SIGUSR2, on_parent_death)
        set_parent_death_signal(signal.SIGUSR2)
        on_parent_death()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            link, _ = listener.accept()
            self._library = Presence(self._loop, link, self._hear, self._on_library_end)
            self.joined_at = time.monotonic()

    def _hear(self, message: dict[str, object]) -> None:
        if "refused" in message:
            self._finish("refused", str(message["refused"]))
        elif "dismissed" in message:
            self._finish("left", "it has left in good order")

    def _on_library_end(self) -> None:
        self._library = None
        log = tail(self._log)
        reason = "its host has ended: the manager is gone, or the process died"
        self._finish("lost", f"{reason}\n{log}".rstrip("\n"))

    def _on_output(self, _: int) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            data = os.read(self._process.stdout.fileno(), 1 << 16)
        except BlockingIOError:
            return
        if not data:
            self._hush()
            return
        *lines, self._output = (self._output + data).split(b"\n")
        for line in lines:
            text = line.decode("utf-8", "replace")
            self._said = [*self._said[-10:], text]
            self._say(text)
            if any(words in text for words in REFUSALS):
                self._finish("refused", text.removeprefix("vine_worker: "))

    def _hush(self) -> None:
        """Its output has ended, or is of no interest any more."""
        assert self._process is not None
        if self._process.stdout is not None and not self._process.stdout.closed:
            self._loop.unwatch(self._process.stdout)
            self._process.stdout.close()

    def _on_exit(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        if not self._process.stdout.closed:
            self._on_output(READ)
        code = self._process.wait()
        ended = describe_exit(-code if code < 0 else code << 8)
        if self.joined_at is None and any("connected to manager" in line for line in self._said):
            why = (
                "the manager closed the connection before it sent anything: it went away, or its"
                " TaskVine is of another version family than this vine_worker"
            )
            self._finish("lost", why)
        elif self.joined_at is None:
            last = "\n".join(self._said)
            self._finish("unreachable", f"no manager: vine_worker: {ended}\n{last}".rstrip("\n"))
        else:
            self._finish("lost", f"vine_worker: {ended}")

    # -- the end ---------------------------------------------------------------------------------

    def _finish(self, outcome: Outcome, reason: str) -> None:
        if not self.outcome:
            self.outcome, self.reason = outcome, reason
        self._loop.stop()

    def _end(self) -> None:
        """Its whole group at once: the transfer server of a vine_worker that is killed alone keeps
        the manager's connection open."""
        if self._process is not None:
            kill_group(self._process.pid)
            self._process.wait()
            self._hush()
        # The host ends when vine_worker does, by itself if it can.
        deadline = time.monotonic() + SETTLE_SECONDS
        while self._library is not None and time.monotonic() < deadline:
            self._loop.turn(max(0.0, deadline - time.monotonic()))
        end_all_children(SETTLE_SECONDS)
