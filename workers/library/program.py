"""The library's process: a supervisor whose orders are TaskVine's calls."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable

from workers import carriage, probe
from workers.host.loop import Loop
from workers.host.processes import kill_members, set_parent_death_signal
from workers.host.supervisor import Supervisor
from workers.library import presence
from workers.library.desk import Desk
from workers.library.pipes import Call, Pipes
from workers.protocol import Hello, Order
from workers.staging.directory import CACHE_VARIABLE, NEVER_SHARED_VARIABLE
from workers.walltime import leaves_in_seconds

LAST_WORDS_SECONDS = 5.0
"""How long what was said last may take to reach the manager."""


class Library:
    """Joins the supervisor with its two neighbours: ``vine_worker`` and the launcher."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._worker_pid: int = options.worker_pid
        self._worker_leads = _group(self._worker_pid) == self._worker_pid
        self._scratch = os.environ.get("PCM_SCRATCH", "")
        self.loop = Loop()
        self.desk = Desk(self.loop, self._handle, self._bring, self._end)
        self.pipes = Pipes(
            self.loop,
            options.in_pipe_fd,
            options.out_pipe_fd,
            self._worker_pid,
            self._take,
            self._abandon,
        )
        machine = probe.machine()
        worker = os.environ.get("PCM_WORKER") or f"{machine.host}-{os.getpid()}"
        logs = os.environ.get("PCM_LOGS") or "."
        self.supervisor = Supervisor(
            worker,
            self.desk,
            logs=logs,
            memory_bytes=machine.memory_bytes,
            grace_seconds=float(os.environ.get("PCM_GRACE") or 10.0),
            loop=self.loop,
            cache=os.environ.get(CACHE_VARIABLE, ""),
            never_shared=bool(os.environ.get(NEVER_SHARED_VARIABLE)),
        )
        flush_outlet = self.loop.after_turn

        def after_turn() -> None:
            flush_outlet()
            self.desk.settle()
            self.pipes.flush()

        self.loop.after_turn = after_turn
        self._watch_parent()
        self.launcher = presence.connect(
            self.loop, os.environ.get(presence.ADDRESS, ""), self._hear, self._abandon
        )
        hello = Hello(
            worker,
            machine,
            os.getpid(),
            pcm=machine.packages.get("pcm", ""),
            leaves_in_seconds=leaves_in_seconds(),
        )
        self.desk.send([hello])
        self.pipes.ready(carriage.LIBRARY, options.task_id)
        self.pipes.flush()

    def run(self) -> None:
        """Until the worker has left, or one of the neighbours is gone."""
        supervisor = self.supervisor
        try:
            supervisor.start()
            self.loop.run()
            if not supervisor.abandoned:
                self._say_goodbye()
        finally:
            supervisor.close()
            if supervisor.abandoned:
                self._leave_nothing()

    def _say_goodbye(self) -> None:
        """vine_worker loses the answers of a library that ends: wait until they have arrived."""
        deadline = time.monotonic() + LAST_WORDS_SECONDS
        desk, supervisor = self.desk, self.supervisor
        while not desk.dismissed and not supervisor.abandoned and time.monotonic() < deadline:
            self.loop.turn(max(0.0, deadline - time.monotonic()))
        if self.launcher is not None:
            self.launcher.tell(dismissed=True)
        # The worker is ended by the launcher; without one it ends because its library did.
        deadline = time.monotonic() + (LAST_WORDS_SECONDS if self.launcher is not None else 0.0)
        while not supervisor.abandoned and time.monotonic() < deadline:
            self.loop.turn(max(0.0, deadline - time.monotonic()))

    def _take(self, call: Call) -> None:
        try:
            self.desk.take(call)
        except (carriage.CarriageError, OSError) as error:
            print(f"not a call for this library: {error}", file=sys.stderr)
            self._abandon()

    def _handle(self, orders: list[Order]) -> None:
        self.supervisor.handle(orders)

    def _bring(self, call: carriage.Staging, sandbox: str, done: Callable[[], None]) -> None:
        self.supervisor.stager.bring(call, sandbox, done)

    def _end(self, call: Call) -> None:
        self.pipes.end(call)

    def _hear(self, message: dict[str, object]) -> None:
        if "notice" in message:
            self.supervisor.evict()

    def _watch_parent(self) -> None:
        def on_parent_death() -> None:
            if os.getppid() != self._worker_pid:
                self._abandon()

        self.loop.on_signal(signal.SIGUSR2, on_parent_death)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # The launcher decides when we go.
        set_parent_death_signal(signal.SIGUSR2)
        on_parent_death()

    def _abandon(self) -> None:
        self.supervisor.abandon()

    def _leave_nothing(self) -> None:
        """A killed vine_worker leaves its transfer server, which holds the manager's connection;
        a killed launcher leaves its directory."""
        if self._worker_leads and os.getppid() != self._worker_pid:
            kill_members(self._worker_pid)
        if self.launcher is not None and self.launcher.ended and self._scratch:
            kill_members(self._worker_pid if self._worker_leads else 0)
            shutil.rmtree(self._scratch, ignore_errors=True)


def lead_group() -> None:
    """Lead a process group of our own, which is how vine_worker kills a library.

    It tries to arrange that itself, but does not succeed once the child has executed its program;
    it then kills nothing and waits for its library for ever, deaf to its manager. That this process
    is the one which vine_worker started takes ``exec`` in the library's command.
    """
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)


def close_all_but(*kept: int) -> None:
    """Close what vine_worker did not mean to hand down: its connections would outlive it."""
    keep = {0, 1, 2, *kept}
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in keep:
            with contextlib.suppress(OSError):
                os.close(int(name))


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def main() -> None:
    lead_group()
    parser = argparse.ArgumentParser()
    for name in ("in-pipe-fd", "out-pipe-fd", "task-id", "worker-pid"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options, _ = parser.parse_known_args()  # also --library-cores and --function-slots
    close_all_but(options.in_pipe_fd, options.out_pipe_fd)
    log = os.environ.get("PCM_LOG")
    if log:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.close(descriptor)
    Library(options).run()


if __name__ == "__main__":
    main()
