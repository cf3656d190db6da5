"""One worker's supervisor process, as its parent sees it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from workers.host.logs import tail
from workers.host.processes import describe_exit, kill_group


class WorkerProcess:
    """Started at once, in a session of its own: Ctrl-C at the manager does not reach it.

    Its ``fileno`` becomes readable when the process has ended.
    """

    def __init__(
        self,
        worker: str,
        *,
        scratch: Path,
        logs: Path,
        grace_seconds: float,
        environment: Mapping[str, str],
    ) -> None:
        """Raises OSError if the system gives no process, socket or file."""
        self.socket, theirs = socket.socketpair()
        self.log = str(logs / f"{worker}.log")
        command = [sys.executable, "-P", "-m", "workers.host", "--worker", worker]
        command += ["--fd", str(theirs.fileno()), "--parent-pid", str(os.getpid())]
        command += ["--scratch", str(scratch), "--logs", str(logs)]
        command += ["--ephemeral", str(scratch.parent)]
        command += ["--grace", str(grace_seconds)]
        try:
            with theirs, open(self.log, "ab", opener=_private) as log:
                self._process = subprocess.Popen(
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        except OSError:
            self.socket.close()
            raise
        self.pid = self._process.pid
        try:
            self._exit = os.pidfd_open(self.pid)
        except OSError:
            self.socket.close()
            self.kill()
            self._process.wait()
            raise

    def fileno(self) -> int:
        return self._exit

    def kill(self) -> None:
        """Without asking. Its replicas die with it."""
        kill_group(self.pid)

    def wait(self) -> str:
        """Reap the process, which has ended or is about to, and say how it ended."""
        code = self._process.wait()
        return describe_exit(-code if code < 0 else code << 8)

    def log_tail(self) -> str:
        return tail(self.log)

    def close(self) -> None:
        """Free the parent's descriptors; the process must have been waited for."""
        os.close(self._exit)
        with contextlib.suppress(OSError):
            if os.stat(self.log).st_size == 0:
                os.unlink(self.log)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
