"""The engine's children: the driver, and the launchers of workers on this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from pcm.engines.local.sharing import Share
from workers.host.link import Link
from workers.host.logs import tail
from workers.host.processes import describe_exit, search_path


class Child:
    """A process in a session of its own; its ``fileno`` is readable when it has ended."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process, self.pid = process, process.pid
        self._exit = os.pidfd_open(process.pid)

    def fileno(self) -> int:
        return self._exit

    def send_signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def wait(self, seconds: float | None = None) -> bool:
        """Reap it; False if it has not ended in time."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self, number: signal.Signals, seconds: float) -> None:
        """Send the signal, and kill what has not ended in time."""
        self.send_signal(number)
        if not self.wait(seconds):
            self.send_signal(signal.SIGKILL)
            self.wait()

    def how_it_ended(self) -> str:
        code = self.process.wait()
        return describe_exit(-code if code < 0 else code << 8)

    def close(self) -> None:
        os.close(self._exit)


class DriverProcess(Child):
    """``driver.py``, with a link to it, and a pipe for what it and TaskVine print."""

    def __init__(self, arguments: list[str]) -> None:
        """Raises OSError if the system gives no process, socket or pipe."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "pcm.engines.taskvine.driver"]
        command += ["--fd", str(theirs.fileno()), "--parent-pid", str(os.getpid()), *arguments]
        try:
            with theirs:
                process = subprocess.Popen(
                    command,
                    env=os.environ | {"PYTHONPATH": search_path()},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        except OSError:
            ours.close()
            raise
        super().__init__(process)
        assert process.stdout is not None
        self.output = process.stdout
        os.set_blocking(self.output.fileno(), False)
        self.link = Link(ours)
        self._printed: list[str] = []

    def read_output(self) -> list[str] | None:
        """Lines printed since the last time; None at the end."""
        try:
            data = os.read(self.output.fileno(), 1 << 16)
        except BlockingIOError:
            return []
        if not data:
            return None
        lines = data.decode("utf-8", "replace").splitlines()
        self._printed = [*self._printed, *lines][-20:]
        return lines

    def last_words(self) -> str:
        while self.read_output():
            pass
        return "\n".join(self._printed)

    def close(self) -> None:
        self.link.close()
        self.output.close()
        super().close()


class LauncherProcess(Child):
    """``workers.launch`` for one worker, with its share of this machine."""

    def __init__(
        self,
        worker: str,
        share: Share,
        manager: str,
        *,
        password_file: Path,
        ssl: bool,
        scratch: Path,
        logs: Path,
        grace_seconds: float,
    ) -> None:
        """Raises OSError if the system gives no process or file."""
        self.worker, self.share = worker, share
        self.joined = False
        self.log = logs / f"{worker}.launch.log"
        command = [sys.executable, "-P", "-m", "workers.launch", manager, "--once"]
        command += ["--id", worker, "--password-file", str(password_file)]
        command += ["--scratch", str(scratch), "--logs", str(logs), "--cores", str(share.threads)]
        command += ["--grace", str(grace_seconds), "--parent-pid", str(os.getpid())]
        command += ["--patience", "30"]
        if ssl:
            command.append("--ssl")
        with open(self.log, "ab", opener=_private) as output:
            process = subprocess.Popen(
                command,
                env=share.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        super().__init__(process)

    def last_words(self) -> str:
        return "\n".join(
            line.removeprefix("pcm worker: ") for line in tail(str(self.log)).splitlines()
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
