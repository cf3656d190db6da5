"""The template dies at any time, and who asked for a replica gets one all the same."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from workers.host.forker import Forker
from workers.host.loop import Loop
from workers.protocol import ErrorReport


class Wanted:
    """Notes what becomes of it."""

    imports: tuple[str, ...] = ()
    ranks = 1

    def __init__(self, log: Path) -> None:
        self.log = str(log)
        self.errors: list[ErrorReport] = []
        self.pids: list[int] = []

    def forked(self, sock: socket.socket, pid: int) -> None:
        sock.close()
        self.pids.append(pid)

    def not_forked(self, error: ErrorReport) -> None:
        self.errors.append(error)


def test_a_request_just_after_a_death_with_something_unread_is_served_by_the_next_template(
    tmp_path: Path,
) -> None:
    loop = Loop()
    forker = Forker(loop, str(tmp_path / "template.log"), lambda *_: None)
    wanted = Wanted(tmp_path / "replica.log")
    forker.start()
    dead = forker.pid
    assert dead is not None
    os.kill(dead, signal.SIGSTOP)
    os.waitid(os.P_PID, dead, os.WSTOPPED | os.WNOWAIT)
    forker.prepare(("json",))  # it never reads this
    os.kill(dead, signal.SIGKILL)
    os.waitid(os.P_PID, dead, os.WEXITED | os.WNOWAIT)
    forker.apply(wanted)
    assert not wanted.errors
    forker.exited(os.waitpid(dead, 0)[1])
    while not wanted.pids and not wanted.errors:
        loop.turn(10.0)
    assert not wanted.errors
    again = forker.pid
    assert again is not None
    assert again != dead
    forker.close()
    os.waitpid(again, 0)
    loop.close()
