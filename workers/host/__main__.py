"""``python -m workers.host --fd N --worker ID``: a worker over a stream socket that is open as N.

The worker ends when the other side of the socket does. SIGTERM is the notice of an eviction.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import sys
from collections import deque

import msgspec

from workers import probe
from workers.host.link import FrameError, Link
from workers.host.loop import READ, WRITE, Loop
from workers.host.outlet import Left, nobody_asks
from workers.host.processes import set_parent_death_signal
from workers.host.supervisor import Supervisor
from workers.protocol import Hello, Machine, Report, decode_orders, encode
from workers.walltime import leaves_in_seconds

LAST_WORDS_SECONDS = 5.0


class SocketUpstream:
    """Reports into frames, frames into orders."""

    def __init__(self, loop: Loop, sock: socket.socket) -> None:
        self.link = Link(sock)
        self._loop = loop
        self._leaving: deque[tuple[int, Left]] = deque()
        """At which byte what was sent ends, and whom to tell when that has left."""
        self.supervisor: Supervisor | None = None
        loop.watch(sock, self._on_ready)

    def send(self, reports: list[Report], left: Left = nobody_asks) -> None:
        try:
            self.link.send(encode(reports))
        except FrameError:
            for report in reports:
                self.link.send(encode([report]))
        self._leaving.append((self.link.given_bytes, left))
        if self.link.unsent:
            self._watch()
        else:
            self._tell_who_left()

    def _watch(self) -> None:
        events = READ if self.link.flush() else READ | WRITE
        self._loop.watch(self.link.socket, self._on_ready, events)
        self._tell_who_left()

    def _tell_who_left(self) -> None:
        while self._leaving and self._leaving[0][0] <= self.link.taken_bytes:
            self._leaving.popleft()[1]()

    def _on_ready(self, events: int) -> None:
        if events & WRITE:
            self._watch()
        if events & READ:
            assert self.supervisor is not None
            try:
                for frame in self.link.receive():
                    self.supervisor.handle(decode_orders(frame))
            except (FrameError, msgspec.MsgspecError) as error:
                print(f"not a frame of orders: {error}", file=sys.stderr)
                self.link.ended = True
            if self.link.ended:
                self.supervisor.abandon()


def main() -> None:
    arguments = _arguments()
    parent = arguments.parent_pid or os.getppid()
    loop = Loop()
    sock = socket.socket(fileno=arguments.fd)
    sock.set_inheritable(False)
    upstream = SocketUpstream(loop, sock)
    scratch = arguments.scratch
    os.makedirs(scratch, mode=0o700, exist_ok=True)
    machine = probe.machine(scratch)
    supervisor = Supervisor(
        arguments.worker,
        upstream,
        logs=arguments.logs or scratch,
        memory_bytes=machine.memory_bytes,
        grace_seconds=arguments.grace,
        loop=loop,
    )
    upstream.supervisor = supervisor

    def on_parent_death() -> None:
        # The signal comes when a *thread* of the parent ends; the parent may live on.
        if os.getppid() != parent:
            supervisor.abandon()

    loop.on_signal(signal.SIGTERM, supervisor.evict)
    loop.on_signal(signal.SIGUSR2, on_parent_death)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_parent_death_signal(signal.SIGUSR2)
    try:
        upstream.send([_hello(arguments.worker, machine)])
        supervisor.start(tuple(filter(None, arguments.imports.split(","))))
        on_parent_death()
        loop.run()
        upstream.link.flush_within(LAST_WORDS_SECONDS)
    finally:
        supervisor.close()
        upstream.link.close()
        if arguments.ephemeral and supervisor.abandoned and os.getppid() != parent:
            shutil.rmtree(arguments.ephemeral, ignore_errors=True)


def _hello(worker: str, machine: Machine) -> Hello:
    return Hello(
        worker,
        machine,
        os.getpid(),
        pcm=machine.packages.get("pcm", ""),
        leaves_in_seconds=leaves_in_seconds(),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers.host", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="the socket to the manager side")
    parser.add_argument("--worker", required=True, help="the worker's id")
    parser.add_argument("--scratch", default=".", help="a directory for what need not last")
    parser.add_argument("--logs", default="", help="a directory for logs (default: the scratch)")
    parser.add_argument(
        "--ephemeral", default="", help="a directory to remove when the parent died, who would else"
    )
    parser.add_argument("--grace", type=float, default=10.0, help="seconds from SIGTERM to the end")
    parser.add_argument(
        "--imports", default="", help="modules that contexts will need, separated by commas"
    )
    parser.add_argument("--parent-pid", type=int, default=0, help="end when this parent is gone")
    return parser.parse_args()


if __name__ == "__main__":
    main()
